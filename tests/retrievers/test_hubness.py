"""Corrections for hubs: product form against log form, invariants, and what they gain and lose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.hubness import (
    METHODS,
    InverseConvolution,
    Method,
    Normalizer,
    auto_tune,
    auto_tune_moves,
)
from rag.retrievers.indexes.unhubbed import Unhubbed, store_bank

from rag.errors import ConfigError
from rag.hubs import occurrences, skewness
from tests.golden.hubs import DIM, Pairs, pairs, recall, units

NONE = np.zeros((0, DIM))


def rows(count: int, seed: int, dim: int = 5) -> Any:
    return units(np.random.default_rng(seed).standard_normal((count, dim)))


@pytest.fixture(scope="module")
def made() -> Pairs:
    return pairs(0)


def products(q: Any, g: Any, bank: Any, chunks: Any, form: Normalizer) -> Any:
    """The forms as products of inverted softmaxes, per bank dynamic where asked."""
    raw = q @ g.T
    told = np.ones_like(raw)
    for members, beta, used in ((bank, form.beta_query, True), (chunks, form.beta_gallery, form.dual)):
        if not used:
            continue
        normal = np.exp(beta * raw) / np.exp(beta * (members @ g.T)).sum(axis=0)
        if form.dynamic:
            reached = np.unique((members @ g.T).argmax(axis=1))
            applies = np.isin(raw.argmax(axis=1), reached)[:, None]
            normal = np.where(applies, normal, np.exp(beta * raw) / len(members))
        told = told * normal
    return told


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(METHODS[1:]), st.integers(0, 999), st.sampled_from([0.5, 5.0, 20.0]))
def test_the_log_form_is_the_product(method: Method, seed: int, beta: float) -> None:
    form = Normalizer(method, beta, 1.5)
    q, g, bank, chunks = rows(6, seed), rows(9, seed + 1), rows(7, seed + 2), rows(4, seed + 3)
    both = form.beta_query + (form.beta_gallery if form.dual else 0)
    logs = np.log(products(q, g, bank, chunks, form)) / both
    constant = np.log(len(bank)) / both + (np.log(len(chunks)) / both if form.dual else 0)
    assert np.abs(form.scores(q, g, bank, chunks) - (logs + constant)).max() < 1e-9


def released_dynamic(raw: Any, bank: Any, beta: float, k: int) -> Any:
    """Querybank normalisation as its code has it, on a copy: rows whose best is activated are normalised, no others."""
    reached = set(np.argsort(-bank, axis=1, kind="stable")[:, :k].ravel().tolist())
    made = raw.copy()
    for row in range(len(raw)):
        if int(raw[row].argmax()) in reached:
            made[row] = np.exp(beta * raw[row]) / np.exp(beta * bank).sum(axis=0)
    return made


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.sampled_from([1, 2]), st.sampled_from([1 / 1.99, 5.0, 20.0]))
def test_the_dynamic_form_orders_each_row_as_the_released_one(seed: int, k: int, beta: float) -> None:
    q, g, bank = rows(8, seed), rows(12, seed + 1), rows(5, seed + 2)
    told = Normalizer("dis", beta, activated=k).scores(q, g, bank, np.zeros((0, 5)))
    expected = released_dynamic(q @ g.T, bank @ g.T, beta, k)
    assert (np.argsort(-told, axis=1) == np.argsort(-expected, axis=1)).all()


def test_the_same_on_all_similarities_changes_no_order() -> None:
    """A coordinate that all queries and banks share with all chunks adds a constant to every product."""
    q, g, bank, chunks = rows(6, 1), rows(9, 2), rows(7, 3), rows(5, 4)
    for method in METHODS:
        form = Normalizer(method)
        plain = form.scores(q, g, bank, chunks)
        lifted = [np.concatenate([one, np.ones((len(one), 1))], axis=1) for one in (q, g, bank, chunks)]
        assert (np.argsort(-form.scores(*lifted), axis=1) == np.argsort(-plain, axis=1)).all()


def test_nothing_is_taken_without_banks() -> None:
    q, g, empty = rows(4, 1), rows(6, 2), np.zeros((0, 5))
    for method in METHODS:
        assert np.abs(Normalizer(method).scores(q, g, empty, empty) - q @ g.T).max() < 1e-12


def test_twice_the_bank_is_the_same() -> None:
    q, g, bank = rows(4, 1), rows(6, 2), rows(5, 3)
    once = Normalizer("dual_is").scores(q, g, bank, g)
    assert np.abs(Normalizer("dual_is").scores(q, g, np.repeat(bank, 2, axis=0), g) - once).max() < 1e-12


def test_blunt_is_the_mean_taken_off() -> None:
    q, g, bank = rows(4, 1), rows(6, 2), rows(5, 3)
    blunt = Normalizer("is", 1e-6).scores(q, g, bank, bank)
    assert np.abs(blunt - (q @ g.T - (bank @ g.T).mean(axis=0))).max() < 1e-5


def test_large_scores_do_not_overflow() -> None:
    assert np.isfinite(Normalizer("dual_dis", 1e4, 1e4).scores(rows(3, 1), rows(4, 2), rows(5, 3), rows(6, 4))).all()


def test_hubs_lose(made: Pairs) -> None:
    def of(method: Method) -> float:
        return recall(Normalizer(method).scores(made.queries, made.gallery, made.bank, made.bank_chunks))

    assert of("is") >= of("none") + 20
    assert of("dis") >= of("none") + 20
    assert abs(of("dual_is") - of("is")) <= 2
    ids = [str(number) for number in range(len(made.gallery))]

    def hubs(method: Method) -> float:
        scores = Normalizer(method).scores(made.queries, made.gallery, made.bank, made.bank_chunks)
        return skewness(occurrences([[ids[n] for n in row] for row in np.argsort(-scores, axis=1)[:, :10]], ids))

    assert hubs("none") > 2 * hubs("is") > 0


def test_a_bank_of_other_queries_does_harm_and_tuning_sees_it(made: Pairs) -> None:
    raw = recall(made.queries @ made.gallery.T)
    assert recall(Normalizer("is").scores(made.queries, made.gallery, made.strange, NONE)) < raw - 5
    chosen = auto_tune(made.queries, range(400), made.gallery, made.strange, NONE)
    assert chosen == Normalizer("none")


def test_tuning_takes_what_gains(made: Pairs) -> None:
    chosen = auto_tune(made.queries[:100], range(100), made.gallery, made.bank, NONE)
    assert chosen.method in ("is", "dis")
    after = recall(chosen.scores(made.queries, made.gallery, made.bank, NONE))
    assert after >= recall(made.queries @ made.gallery.T) + 20


def test_tuning_needs_something_to_tune_on(made: Pairs) -> None:
    assert auto_tune(made.queries[:3], range(3), made.gallery, made.bank, NONE).method == "none"
    assert auto_tune(made.queries[:9], range(9), made.gallery, NONE, NONE).method == "none"
    with pytest.raises(ValueError, match="held-out"):
        auto_tune(made.queries[:9], [1], made.gallery, made.bank, NONE)


# --- InvGC and LocalAdj ----------------------------------------------------------------------------------


def moved_by_hand(v: Any, bank: Any, rate: float, near: int) -> Any:
    made = []
    for row in v:
        best = sorted(bank, key=lambda one: -float(row @ one))[:near]
        made.append(row - rate / near * sum(float(row @ one) * one for one in best))
    return units(np.array(made))


def test_local_adjustment_by_hand() -> None:
    v, queries, chunks = rows(6, 1), rows(20, 2), rows(30, 3)
    told = InverseConvolution(0.3, 0.7, 0.1)(v, queries, chunks)
    expected = units(0.5 * moved_by_hand(v, chunks, 0.3, 3) + 0.5 * moved_by_hand(v, queries, 0.7, 2))
    assert np.abs(told - expected).max() < 1e-12


def test_all_neighbours_by_hand() -> None:
    v, bank = rows(6, 1), rows(20, 2)
    weights = v @ bank.T
    expected = units(v - 0.4 / 20 * (weights - weights.mean()) @ bank)
    told = InverseConvolution(0.4, 0.4, local=False)(v, bank, np.zeros((0, 5)))
    assert np.abs(told - expected).max() < 1e-12


def test_a_rate_of_zero_moves_nothing_and_a_higher_one_apart(made: Pairs) -> None:
    still = InverseConvolution(0, 0)(made.gallery, made.bank, made.bank_chunks)
    assert np.abs(still - made.gallery).max() < 1e-12
    crowded = [float((v @ v.T).mean()) for v in (
        made.gallery, *(InverseConvolution(r, r, 1.0)(made.gallery, NONE, made.gallery, own=True) for r in (0.2, 0.6)),
    )]  # fmt: skip
    assert crowded == sorted(crowded, reverse=True)
    assert len(set(crowded)) == 3


def test_a_row_is_not_its_own_neighbour() -> None:
    v = rows(8, 1)
    told = InverseConvolution(0.5, 0.5, 0.2)(v, np.zeros((0, 5)), v, own=True)
    expected = [moved_by_hand(v[n : n + 1], np.delete(v, n, axis=0), 0.5, 1)[0] for n in range(8)]
    assert np.abs(told - np.array(expected)).max() < 1e-12


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of a large gallery are moved some at a time, also where it is its own bank."""
    v, queries = rows(11, 1), rows(20, 2)
    forms = [InverseConvolution(0.5, 0.3, 0.2), InverseConvolution(0.5, 0.3, local=False)]
    whole = [form(v, queries, v, own=True) for form in forms]
    weights = v @ v.T
    np.fill_diagonal(weights, 0.0)
    by_hand = units(v - 0.5 / 11 * (weights - weights.mean()) @ v)
    assert np.abs(forms[1](v, np.zeros((0, 5)), v, own=True) - by_hand).max() < 1e-12
    monkeypatch.setattr("rag.retrievers.hubness._BLOCK", 4)
    for form, told in zip(forms, whole, strict=True):
        assert np.abs(form(v, queries, v, own=True) - told).max() < 1e-12


def test_the_dense_form_gains_at_a_high_rate(made: Pairs) -> None:
    raw = recall(made.queries @ made.gallery.T)
    told = InverseConvolution(3.0, 3.0, local=False)(made.gallery, made.bank, made.bank_chunks)
    assert recall(made.queries @ told.T) >= raw + 5


def test_rates_are_chosen_on_held_out_queries(made: Pairs) -> None:
    chosen = auto_tune_moves(made.queries[:200], range(200), made.gallery, made.bank, made.bank_chunks)
    assert max(chosen.rate_gallery, chosen.rate_query) > 0
    after = made.queries[200:] @ chosen(made.gallery, made.bank, made.bank_chunks).T
    ranks = (after >= after[np.arange(200), np.arange(200, 400)][:, None]).sum(axis=1)
    before = made.queries[200:] @ made.gallery.T
    assert (1 / ranks).mean() > (
        1 / (before >= before[np.arange(200), np.arange(200, 400)][:, None]).sum(axis=1)
    ).mean()
    still = InverseConvolution(0.0, 0.0)
    noise = np.random.default_rng(1).permutation(200)
    assert auto_tune_moves(made.queries[:200], noise, made.gallery, made.bank, NONE) == still
    assert auto_tune_moves(made.queries[:3], range(3), made.gallery, made.bank, NONE) == still
    with pytest.raises(ValueError, match="held-out"):
        auto_tune_moves(made.queries[:9], [1], made.gallery, made.bank, NONE)


def test_forms_that_share_their_sums_are_as_alone(made: Pairs) -> None:
    """Tuning makes popularity, activated chunks and pulls once for all forms."""
    memo: dict[tuple[Any, ...], Any] = {}
    taken = made.queries[:20], made.gallery[:50], made.bank[:30], made.bank_chunks[:40]
    for _ in range(2):
        for form in (Normalizer(method, beta, 3.0) for method in METHODS for beta in (5.0, 20.0)):
            assert np.array_equal(form.scores(*taken, memo), form.scores(*taken)), form
    for local in (True, False):
        pulls = InverseConvolution(local=local).pulls(made.gallery, made.bank, made.bank_chunks)
        moves = InverseConvolution(0.3, 1.0, local=local)
        assert np.array_equal(moves.moved(made.gallery, pulls), moves(made.gallery, made.bank, made.bank_chunks))


def test_local_adjustment_gains_on_hubs(made: Pairs) -> None:
    told = InverseConvolution(1.0, 1.0)(made.gallery, made.bank, made.bank_chunks)
    assert recall(made.queries @ told.T) >= recall(made.queries @ made.gallery.T) + 5


# --- folded into the index ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_the_index_ranks_as_the_matrix(method: Method, made: Pairs, tmp_path: Path) -> None:
    store_bank(tmp_path, made.bank, made.bank_chunks)
    index = Unhubbed(tmp_path, DIM, method=method)
    ids = [f"{number:04}" for number in range(len(made.gallery))]
    index.add(ids, made.gallery)
    index.commit(1)
    scores = Normalizer(method).scores(made.queries[:50], made.gallery, made.bank, made.bank_chunks)
    for row, found in zip(scores, index.search(made.queries[:50], 5), strict=True):
        assert [score for _, score in found] == pytest.approx(sorted(row, reverse=True)[:5], abs=1e-5)
    assert np.abs(index.vectors(ids) - made.gallery).max() < 1e-6


def test_local_adjustment_in_the_index(made: Pairs, tmp_path: Path) -> None:
    store_bank(tmp_path, made.bank, made.bank_chunks)
    index = Unhubbed(tmp_path, DIM, method="localadj", rate_gallery=1.0, rate_query=1.0)
    index.add([f"{number:04}" for number in range(30)], made.gallery[:30])
    index.commit(1)
    told = InverseConvolution(1.0, 1.0)(made.gallery[:30].astype(np.float32), made.bank, made.bank_chunks)
    (found,) = index.search(made.queries[:1], 1)
    assert found[0][1] == pytest.approx(float((told @ made.queries[0]).max()), abs=1e-5)


def test_all_neighbours_in_the_index(made: Pairs, tmp_path: Path) -> None:
    """InvGC about the mean of the bank of chunks: each add is moved by itself, one by one as all at once."""
    store_bank(tmp_path, made.bank, made.bank_chunks)
    kept = []
    for folder, step in (("a", 30), ("b", 7)):
        store_bank(tmp_path / folder, made.bank, made.bank_chunks)
        index = Unhubbed(tmp_path / folder, DIM, method="invgc", rate_gallery=2.0, rate_query=2.0)
        ids = [f"{number:04}" for number in range(30)]
        for start in range(0, 30, step):
            index.add(ids[start : start + step], made.gallery[start : min(30, start + step)])
        index.commit(1)
        kept.append(index.vectors(ids))
    assert np.abs(kept[0] - kept[1]).max() < 1e-6
    told = InverseConvolution(2.0, 2.0, local=False)(
        made.gallery[:30], made.bank, made.bank_chunks, centre=made.bank_chunks.mean(axis=0)
    )
    assert np.abs(kept[0] - told).max() < 1e-5
    assert index.damaged() == []
    assert index.version != Unhubbed(tmp_path / "b", DIM, method="localadj", rate_gallery=2.0, rate_query=2.0).version


def test_another_bank_or_other_options_ask_for_a_build(made: Pairs, tmp_path: Path) -> None:
    def opened(**options: Any) -> Unhubbed:
        return Unhubbed(tmp_path, DIM, **options)

    index = opened()
    index.add(["a", "b"], made.gallery[:2])
    index.commit(4)
    assert (index.generation, opened().generation, opened(beta_query=5.0).generation) == (4, 4, -1)
    assert opened(method="dis").generation == -1
    store_bank(tmp_path, made.bank)
    assert opened().generation == -1
    index.clear()
    index.add(["a"], made.gallery[:1])
    index.commit(5)
    assert (opened().generation, len(opened())) == (5, 1)
    (found,) = opened().search(made.queries[:1], 1)
    wanted = Normalizer("is").scores(made.queries[:1], made.gallery[:1], made.bank, NONE)
    assert found[0][1] == pytest.approx(float(wanted[0, 0]), abs=1e-5)


def test_bad_banks_and_options_are_refused(tmp_path: Path) -> None:
    store_bank(tmp_path, rows(3, 1, 7))
    with pytest.raises(ConfigError, match="shape"):
        Unhubbed(tmp_path, DIM).add(["a"], np.zeros((1, DIM), np.float32))
    with pytest.raises(ValueError, match="dual_is"):
        Normalizer("other")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="above 0"):
        Normalizer(beta_query=0)
