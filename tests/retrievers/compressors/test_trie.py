"""Scores of paths over a trie of tokens, with and without a model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.compressors.causal import PROMPT, PathScorer
from rag.retrievers.compressors.trie import branchings, scores, trie

from rag.errors import ConfigError
from tests.golden import causal

PATHS = ["<html><div0>", "<html><div1><p>", "<html><div1><ul><li0>", "<html><div1><ul><li1>", "<html><h1>"]
HTML = "<html><div0>rain</div0><div1><p>gauge</p><ul><li0>river</li0><li1>nine</li1></ul></div1><h1>text</h1></html>"
TOKENS = st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=6), min_size=1, max_size=12)


class Counting:
    """Logits by a rule, and how often they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def __call__(self, prefix: Sequence[int], following: Sequence[int]) -> list[float]:
        self.asked.append(tuple(prefix))
        return [math.sin(31 * sum(prefix) + 7 * token + len(prefix)) * 3 for token in following]


@given(TOKENS)
def test_calls_are_the_nodes_that_branch_and_each_is_asked_once(paths: list[list[int]]) -> None:
    logits = Counting()
    scores(paths, logits)
    assert len(logits.asked) == len(set(logits.asked)) == branchings(trie(paths))


@given(TOKENS)
def test_chances_sum_to_one_where_no_path_begins_another(paths: list[list[int]]) -> None:
    ended = [[*path, 9] for path in {tuple(path) for path in paths}]
    assert math.fsum(map(math.exp, scores(ended, Counting()))) == pytest.approx(1)


@given(TOKENS)
def test_equal_logits_give_the_logarithm_of_the_children_along_the_path(paths: list[list[int]]) -> None:
    found = scores(paths, lambda prefix, following: [0.5] * len(following))
    for path, score in zip(paths, found, strict=True):
        node, expected = trie(paths), 0.0
        for token in path:
            expected -= math.log(len(node.children))
            node = node.children[token]
        assert score == pytest.approx(expected)


def test_a_chance_has_a_floor() -> None:
    assert scores([[1], [2]], lambda prefix, following: [0.0, -1000.0]) == [0.0, pytest.approx(math.log(1e-9))]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {
        "whole": str(causal.made(folder / "whole")),
        "sliding": str(causal.made(folder / "sliding", sliding=True)),
        "short": str(causal.made(folder / "short", positions=64)),
    }


def brute_force(folder: str, question: str, html: str) -> list[float]:
    """Each path's score by reading prompt and path anew for every token of every path."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    prompt = tokenizer.encode(PROMPT.format(html=html, question=question))
    tokens = [tokenizer.encode(path, add_special_tokens=False) for path in PATHS]
    found = []
    for path in tokens:
        score = 0.0
        for at, token in enumerate(path):
            siblings = sorted({other[at] for other in tokens if other[:at] == path[:at] and len(other) > at})
            with torch.inference_mode():
                last = model(input_ids=torch.tensor([prompt + path[:at]])).logits[0, -1]
            chances = torch.softmax(last[siblings].double(), 0)
            score += math.log(max(float(chances[siblings.index(token)]), 1e-9))
        found.append(score)
    return found


@pytest.mark.parametrize("kind", ["whole", "sliding"])
@pytest.mark.parametrize("reuse", [True, False])
def test_scores_are_those_of_brute_force(models: dict[str, str], kind: str, reuse: bool) -> None:
    scorer = PathScorer(models[kind], reuse=reuse)
    question = "When is the river read?"
    assert scorer.score(question, HTML, PATHS) == pytest.approx(brute_force(models[kind], question, HTML), abs=1e-4)


def test_scores_change_with_the_question_and_with_the_page(models: dict[str, str]) -> None:
    """They do not in the released code, which reads the logits of the first position (and all anew each time)."""
    scorer = PathScorer(models["whole"], reuse=False)
    first = scorer.score("When is the river read?", HTML, PATHS)
    assert (
        max(abs(one - other) for one, other in zip(first, scorer.score("Question?", HTML, PATHS), strict=True)) > 1e-3
    )
    page = scorer.score("When is the river read?", HTML.replace("nine", "The"), PATHS)
    assert max(abs(one - other) for one, other in zip(first, page, strict=True)) > 1e-3
    assert math.fsum(map(math.exp, first)) == pytest.approx(1)


def test_one_path_needs_no_call_of_the_model(models: dict[str, str]) -> None:
    scorer = PathScorer(models["whole"])
    assert scorer.score("Question?", HTML, PATHS[:1]) == [0.0]
    assert scorer.calls == 0
    scorer.score("Question?", HTML, PATHS)
    assert 0 < scorer.calls < 8


def test_what_does_not_fit_the_model_is_refused(models: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"reads 64 tokens.*coarse"):
        PathScorer(models["short"]).score("Question?", HTML, PATHS)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot open it"):
        PathScorer(str(tmp_path)).score("Question?", HTML, PATHS)
