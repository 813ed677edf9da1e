"""Late interaction against its equations, written as loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.late import LateInteraction, aligned

COLBERT, FILIP, CICO = (LateInteraction.named(name) for name in ("colbert", "filip", "cico"))


def units(count: int, seed: int, dim: int = 6) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def products(query: Any, chunk: Any) -> list[list[float]]:
    return [[math.fsum(float(a) * float(b) for a, b in zip(one, two, strict=True)) for two in chunk] for one in query]


def sum_of_max(query: Any, chunk: Any) -> float:
    return math.fsum(max(row) for row in products(query, chunk))


def mean_of_max(query: Any, chunk: Any) -> float:
    return sum_of_max(query, chunk) / len(query)


def mean_of_softmax(query: Any, chunk: Any, temperature: float) -> float:
    means = []
    for row in products(query, chunk):
        weights = [math.exp(value / temperature) for value in row]
        means.append(math.fsum(w * x for w, x in zip(weights, row, strict=True)) / math.fsum(weights))
    return math.fsum(means) / len(means)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 7), st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 999))
def test_the_equations(tokens: int, sizes: list[int], seed: int) -> None:
    query = units(tokens, seed)
    chunks = [units(size, seed + 1 + number) for number, size in enumerate(sizes)]
    assert COLBERT.score(query, chunks) == pytest.approx([sum_of_max(query, one) for one in chunks], abs=1e-12)
    both = [(mean_of_max(query, one) + mean_of_max(one, query)) / 2 for one in chunks]
    assert FILIP.score(query, chunks) == pytest.approx(both, abs=1e-12)
    softened = [mean_of_softmax(query, one, 0.07) for one in chunks]
    assert CICO.score(query, chunks) == pytest.approx(softened, abs=1e-12)
    back = LateInteraction("softmax", "mean", "chunk", 0.2, scale=3.0)
    expected = [3 * mean_of_softmax(one, query, 0.2) for one in chunks]
    assert back.score(query, chunks) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.sampled_from([COLBERT, FILIP, CICO]))
def test_the_order_of_tokens_does_not_matter(seed: int, how: LateInteraction) -> None:
    query, chunk = units(5, seed), units(8, seed + 1)
    order = np.random.default_rng(seed).permutation(8)
    assert how.score(query, [chunk[order]]) == pytest.approx(how.score(query, [chunk]), abs=1e-12)


@pytest.mark.parametrize("how", [COLBERT, FILIP, CICO])
def test_one_token_each_is_the_cosine(how: LateInteraction) -> None:
    query, chunk = units(1, 1), units(1, 2)
    assert how.score(query, [chunk]) == pytest.approx([float(query[0] @ chunk[0])], abs=1e-6)


def test_a_cold_softmax_is_the_max() -> None:
    query, chunks = units(4, 1), [units(9, 2), units(3, 3)]
    cold = LateInteraction("softmax", "mean", "both", temperature=1e-4)
    assert cold.score(query, chunks) == pytest.approx(FILIP.score(query, chunks), abs=1e-9)
    hot = LateInteraction("softmax", "mean", temperature=1e9)
    means = [float((query.astype(float) @ one.astype(float).T).mean()) for one in chunks]
    assert hot.score(query, chunks) == pytest.approx(means, abs=1e-8)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.lists(st.integers(1, 6), min_size=3, max_size=3), st.sampled_from([0.07, 0.5]))
def test_filip_and_cico_as_their_code_has_them(seed: int, sizes: list[int], temperature: float) -> None:
    """Batches (n, tokens, dim) padded to 6 with a mask of real tokens: padding is the least before a maximum,
    out of the softmax, and out of the outer mean over tokens; pictures have no padding."""
    texts, patches = [units(size, seed + at) for at, size in enumerate(sizes)], units(9, seed + 50).astype(float)
    padded, mask = np.zeros((3, 6, 6)), np.zeros((3, 6), bool)
    for row, text in enumerate(texts):
        padded[row, : len(text)], mask[row, : len(text)] = text, True
    similar = np.einsum("mtd,id->mti", padded, patches)
    t2i = (similar.max(axis=2) * mask).sum(axis=1) / mask.sum(axis=1)
    least = np.where(mask[:, :, None], similar, -np.finfo(np.float32).max)
    i2t = least.max(axis=1).mean(axis=1)
    raised = np.exp(similar / temperature)
    soft_t2i = ((raised * similar).sum(axis=2) / raised.sum(axis=2) * mask).sum(axis=1) / mask.sum(axis=1)
    raised = raised * mask[:, :, None]
    soft_i2t = ((raised * similar).sum(axis=1) / raised.sum(axis=1)).mean(axis=1)
    for expected, op, direction in (
        (t2i, "max", "query"), (i2t, "max", "chunk"), ((t2i + i2t) / 2, "max", "both"),
        (soft_t2i, "softmax", "query"), (soft_i2t, "softmax", "chunk"),
    ):  # fmt: skip
        how = LateInteraction(op, "mean", direction, temperature)  # type: ignore[arg-type]
        assert [how.score(text, [patches])[0] for text in texts] == pytest.approx(expected, abs=1e-6)


def test_small_temperatures_do_not_overflow() -> None:
    how = LateInteraction("softmax", temperature=1e-6)
    assert np.isfinite(how.score(1000 * units(3, 1), [units(4, 2)])).all()


def test_a_matrix_is_its_rows() -> None:
    queries, chunks = [units(2, 1), units(5, 2)], [units(3, 3), units(1, 4), units(7, 5)]
    matrix = FILIP.matrix(queries, chunks)
    assert matrix.shape == (2, 3)
    assert (matrix[1] == FILIP.score(queries[1], chunks)).all()
    assert FILIP.matrix([], chunks).shape == (0, 3)
    assert FILIP.score(queries[0], []).shape == (0,)


def test_where_each_query_token_is_seen() -> None:
    chunk = units(9, 1)
    places, similar = aligned(chunk[[4, 0, 7]], chunk)
    assert places.tolist() == [4, 0, 7]
    assert similar == pytest.approx([1, 1, 1], abs=1e-6)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        COLBERT.score(units(0, 1), [units(1, 1)])
    with pytest.raises(ValueError, match="at least one token"):
        COLBERT.score(units(1, 1), [units(0, 1)])
    with pytest.raises(ValueError, match="temperature"):
        LateInteraction(temperature=0)
    with pytest.raises(ValueError, match="sum, mean"):
        LateInteraction(reduce="most")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="colbert, filip, cico"):
        LateInteraction.named("other")  # type: ignore[arg-type]
