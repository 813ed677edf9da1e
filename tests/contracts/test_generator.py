"""What holds for every generator, over any evidence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.generators.openai import OpenAI
from rag.generators.quote import Quote
from rag.generators.quote_units import TEMPLATES
from rag.generators.vlm import VLM

from rag.answer import Selection, Settings, query
from rag.protocols import Generator
from tests.generators.build import selection
from tests.generators.endpoint import echoing

GENERATORS: dict[str, Callable[[], Generator]] = {
    "quote": Quote,
    "quote-all": lambda: Quote(20, 0.0),
    "openai": lambda: OpenAI("echo", echoing().url, key_env=""),
}
every = pytest.mark.parametrize("generator", [make() for make in GENERATORS.values()], ids=GENERATORS)
WORDS = st.sampled_from(
    "rain fell in September 81 mm. The gauge, stands: \n \n\n - | --- [1] [2] e.g. ... 12 É 雨。".split(" ")
)
TEXTS = st.one_of(st.lists(WORDS, max_size=60).map(" ".join), st.text(max_size=80))
QUESTIONS = st.one_of(st.sampled_from(["How much rain fell in September?", "", "gauge"]), st.text(max_size=40))


@every
@settings(deadline=None)
@given(texts=st.lists(TEXTS, max_size=4), question=QUESTIONS, table=st.booleans())
def test_every_sentence_is_drawn_from_evidence_and_cited(
    generator: Generator, texts: list[str], question: str, table: bool
) -> None:
    chosen = selection(*texts, modality="table" if table else "text")
    (answer,) = generator.generate([query(question)], [chosen], Settings())
    if answer.refusal:
        assert answer.text == ""
        return
    numbers = {evidence.number: evidence for evidence in chosen.evidence}
    rest = answer.text
    for citation in reversed(answer.citations):
        assert 0 <= citation.start < citation.end <= len(answer.text)
        assert citation.evidence
        assert set(citation.evidence) <= set(numbers)
        rest = rest[: citation.start] + rest[citation.end :]
        # Of two that say nearly the same one is quoted, and both are cited.
        source = " ".join(" ".join(numbers[one].hit.chunk.text.split()) for one in citation.evidence)
        quoted = answer.text[citation.start : citation.end]
        seen = "".join(one for one in source if unicodedata.category(one) != "Cf")  # as a reader sees it
        added = set(re.findall(r"\w+", quoted)) - set(re.findall(r"\w+", f"{source} {seen}"))
        assert added <= set(re.findall(r"\w+", " ".join(TEMPLATES.values())))
    assert re.sub(r"\[\d+\]|\s", "", rest) == ""
    assert [(claim.start, claim.end) for claim in answer.claims] == [(one.start, one.end) for one in answer.citations]
    assert {claim.status for claim in answer.claims} <= {"supported", "partial"}


@every
@settings(deadline=None)
@given(texts=st.lists(st.lists(TEXTS, max_size=2), max_size=4))
def test_n_questions_give_n_answers_each_as_if_alone(generator: Generator, texts: list[list[str]]) -> None:
    selections = [selection(*one) for one in texts]
    queries = [query("How much rain fell?")] * len(texts)
    together = generator.generate(queries, selections, Settings())
    alone = [
        generator.generate([one], [chosen], Settings())[0] for one, chosen in zip(queries, selections, strict=True)
    ]
    assert [replace(one, trace={}) for one in together] == [replace(one, trace={}) for one in alone]


@pytest.mark.parametrize(
    "generator", [*(make() for make in GENERATORS.values()), VLM("no such model")], ids=[*GENERATORS, "vlm"]
)
def test_an_empty_selection_is_refused_with_its_reason(generator: Generator) -> None:
    (answer,) = generator.generate([query("What?")], [Selection(reason="nothing fits")], Settings())
    assert answer.text == ""
    assert answer.refusal is not None
    assert answer.refusal.reason == "nothing fits"
    assert not answer.citations


@every
@settings(deadline=None)
@given(text=TEXTS, limit=st.integers(1, 60))
def test_max_tokens_is_kept(generator: Generator, text: str, limit: int) -> None:
    (answer,) = generator.generate([query("rain")], [selection(text)], Settings(max_tokens=limit))
    assert answer.usage.output_tokens <= limit
