"""Query and passage read together, here and behind a rerank endpoint."""

from __future__ import annotations

from typing import Any

import pytest
from rag.retrievers.rerankers.cross_encoder import CrossEncoder

from rag.answer import query
from rag.errors import ConfigError, GenerationError
from tests.generators.build import hit
from tests.generators.endpoint import answers, serving
from tests.golden import scorers

QUESTION = query("How much rain fell in September?")
FOUND = [hit("In September 81 mm of rain fell.", "c1", headings=("Rain",)), hit("The gauge stands.", "c2")]


@pytest.mark.parametrize("labels", [1, 2])
def test_the_logit_of_the_pair(labels: int) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model: Any = AutoModelForSequenceClassification.from_pretrained(scorers.classifier(labels), dtype="float32").eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(scorers.classifier(labels))
    with torch.inference_mode():
        rows = [
            model(**tokenizer(QUESTION.text, text, return_tensors="pt")).logits[0]
            for text in ("Rain\nIn September 81 mm of rain fell.", "The gauge stands.")
        ]
    expected = [float(row[0] if labels == 1 else row[1] - row[0]) for row in rows]
    (scores,) = CrossEncoder(scorers.classifier(labels)).score([QUESTION], [FOUND])
    assert scores == pytest.approx(expected, abs=1e-4)
    assert scores[0] != pytest.approx(scores[1], abs=1e-4)


def test_long_passages_are_cut_and_other_classifiers_refused() -> None:
    long = hit("rain " * 5000, "c1")
    assert len(CrossEncoder(scorers.classifier()).score([QUESTION], [[long]])[0]) == 1
    with pytest.raises(ConfigError, match="this one has 3"):
        CrossEncoder(scorers.classifier(3)).score([QUESTION], [FOUND])


def test_a_rerank_endpoint_answers_in_its_own_order() -> None:
    results = [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]
    with serving(answers({"results": results})) as api:
        ranked = CrossEncoder("rerank-1", api.url).rerank([QUESTION], [FOUND])[0]
        assert [one.chunk.id for one in ranked] == ["c2", "c1"]
        assert ranked[0].score == 0.9
        assert api.bodies == [
            {"model": "rerank-1", "query": QUESTION.text, "top_n": 2,
             "documents": ["Rain\nIn September 81 mm of rain fell.", "The gauge stands."]}
        ]  # fmt: skip


@pytest.mark.parametrize(
    "body", [{}, {"results": [{"index": 0, "relevance_score": 1}]}, {"results": [{"index": 0}]}, {"results": 3}]
)
def test_an_answer_that_lacks_documents_is_an_error(body: object) -> None:
    with serving(answers(body)) as api, pytest.raises(GenerationError):
        CrossEncoder("rerank-1", api.url).score([QUESTION], [FOUND])
