"""The runtime: what lengths are filled up with does not show."""

from __future__ import annotations

import numpy as np
import pytest
from rag.retrievers.encoders import runtime
from rag.retrievers.encoders.minilm import MiniLM

from rag.answer import query


def test_filling_up_moves_no_vector(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [query("rain gauge " * count) for count in (1, 2, 6, 7, 8, 20)]
    filled = MiniLM().encode_queries(questions)
    assert runtime._feed([101, 102])["input_ids"].shape == (1, runtime.STEP)
    monkeypatch.setattr(runtime, "STEP", 1)
    bare = MiniLM().encode_queries(questions)
    assert runtime._feed([101, 102])["input_ids"].shape == (1, 2)
    assert np.abs(filled - bare).max() < 1e-6


def test_inputs_are_of_few_lengths() -> None:
    lengths = {runtime._feed([101] * count)["attention_mask"].shape[1] for count in range(1, 257)}
    assert len(lengths) == 256 // runtime.STEP
    for count in (1, 16, 17):
        assert runtime._feed([101] * count)["attention_mask"].sum() == count
