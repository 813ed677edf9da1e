"""Rows that hold no numbers are found, dense and ragged."""

from __future__ import annotations

import numpy as np

from rag.sound import spoilt, unsound
from tests.golden.encoders import HashEncoder


def test_rows_are_told() -> None:
    vectors = np.ones((4, 3), np.float32)
    assert unsound(vectors) == []
    vectors[1, 2], vectors[3, 0] = np.nan, np.inf
    assert unsound(vectors) == [1, 3]
    assert unsound(list(vectors)) == [1, 3]
    assert unsound([np.ones((2, 3)), vectors]) == [1]
    assert unsound([]) == unsound(np.zeros((0, 3), np.float32)) == []


def test_the_error_names_the_encoder() -> None:
    assert "the encoder hash makes vectors of a question" in str(spoilt(HashEncoder(), "a question"))
