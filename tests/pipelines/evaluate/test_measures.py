"""Measures by hand, and against ir_measures."""

from __future__ import annotations

from decimal import Decimal
from math import log2

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.evaluate import citing
from rag.pipelines.evaluate.numerals import number, numbers
from rag.pipelines.evaluate.ranking import by_units, success
from rag.pipelines.evaluate.texts import common_subsequence, contains, items, rouge_l, token_f1, unmarked


def test_success_counts_hits() -> None:
    hits = [("d/p1",), ("d/p1", "d/p2"), ("d/p3",)]
    assert [success(hits, {"d/p2"}, k) for k in (1, 2, 3)] == [0.0, 1.0, 1.0]
    assert success(hits, (), 3) == success([], {"d/p2"}, 3) == 0.0


def test_units_by_hand() -> None:
    """Units in order of first hit: p1, p2, p3, p4; gold p2 and p4."""
    hits = [("p1",), ("p1",), ("p2", "p3"), ("p4",)]
    told = by_units(
        {"q": hits, "none": [], "unplaced": hits}, {"q": ("p2", "p4"), "none": ("p1",), "unplaced": ()}, [1, 3, 5]
    )
    assert {name: values["q"] for name, values in told.items()} == pytest.approx(
        {"R@1": 0.0, "R@3": 0.5, "R@5": 1.0, "RR@5": 0.5, "nDCG@5": (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3))}
    )
    assert {values[id] for values in told.values() for id in ("none", "unplaced")} == {0.0}
    assert by_units({"q": hits}, {"q": ()}, [1])["R@1"] == {"q": 0.0}


RANKING = st.lists(st.sampled_from("abcdefgh"), max_size=8, unique=True)


@given(st.lists(st.tuples(RANKING, st.sets(st.sampled_from("abcdefgh"), min_size=1)), min_size=1, max_size=5))
def test_as_ir_measures_has_it(cases: list[tuple[list[str], set[str]]]) -> None:
    """With one unit a hit, hits and units are counted alike; the formulas are those of the docstrings."""
    gold = {str(at): tuple(wanted) for at, (_, wanted) in enumerate(cases)}
    hits = {str(at): [(unit,) for unit in ranking] for at, (ranking, _) in enumerate(cases)}
    run = {id: {units[0]: 100.0 - at for at, units in enumerate(found)} for id, found in hits.items()}
    qrels = {id: dict.fromkeys(units, 1) for id, units in gold.items()}
    for k in (1, 3):
        theirs = {one.query_id: one.value for one in ir_measures.iter_calc([ir_measures.Success @ k], qrels, run)}
        assert {id: success(hits[id], gold[id], k) for id in gold} == theirs
        told = by_units(hits, gold, [k])
        for id, (ranking, wanted) in zip(gold, cases, strict=True):
            right = [rank for rank, unit in enumerate(ranking[:k], 1) if unit in wanted]
            perfect = sum(1 / log2(rank + 1) for rank in range(1, min(k, len(wanted)) + 1))
            assert told[f"R@{k}"][id] == pytest.approx(len(right) / len(wanted))
            assert told[f"RR@{k}"][id] == pytest.approx(1 / right[0] if right else 0.0)
            assert told[f"nDCG@{k}"][id] == pytest.approx(sum(1 / log2(rank + 1) for rank in right) / perfect)


@pytest.mark.parametrize(
    ("answer", "golds", "held"),
    [
        ("Revenue was 1,344.0 million.", ["1344"], True),
        ("Revenue was $1.344 billion.", ["1,344,000,000"], True),
        ("It fell by 18.29 %.", ["18.29%"], True),
        ("The share is 0.5.", ["50%"], True),
        ("It was -5 degrees.", ["5"], False),
        ("In 2012 there were 120.", ["12"], False),
        ("There are 12.", ["12"], True),
        ("about 3.14", ["14"], False),
        ("Twelve.", ["12"], False),
        ("A member of the Café Society.", ["the cafe society"], True),
        ("They form societies.", ["society"], False),
        ("state-of-the-art methods", ["State of the art"], True),
        ("| %F | date |", ["%F"], True),
        ("The letter F is a date.", ["%F"], False),
        ("UK, Israel and China", ["['Israel', 'UK']"], True),
        ("UK and China", ["['Israel', 'UK']"], False),
        ("none", ["no", "none"], True),
        ("", ["x"], False),
        ("x", [], False),
        ("x", ["..."], False),
    ],
)
def test_contains(answer: str, golds: list[str], held: bool) -> None:
    assert contains(answer, golds) == float(held)


def test_numbers_as_numbers() -> None:
    assert number("$1,234.50") == number("1234.5") == {Decimal("1234.5")}
    assert number("(12%)") == {Decimal(12), Decimal("0.12")}
    assert number("2 m") == {Decimal(2), Decimal(2_000_000)}
    assert number("figure 2.1") == number("1.2.3") == number("9" * 50) == number("") == frozenset()
    assert [set(one) for one in numbers("from -3 to 1,000, in 2019-2020 (v2, 5x)")] == [
        {Decimal(-3)}, {Decimal(1000)}, {Decimal(2019)}, {Decimal(2020)},
    ]  # fmt: skip


def test_items_of_a_gold_list() -> None:
    assert items(" ['a b ', 3] ") == ("a b", "3")
    for text in ("plain", "[not a list", "[x]", "[]", "[[1]]", "[" * 3000 + "]" * 3000, "[__import__('os')]"):
        assert items(text) == (text,)


def test_token_f1_by_hand() -> None:
    """The answer has 4 words without its article, the gold 2, both in common: P 1/2, R 1, F1 2/3."""
    assert token_f1("The red brick chimney stood", ["brick chimney"]) == pytest.approx(2 / 3)
    assert token_f1("red red", ["red"]) == pytest.approx(2 / 3)
    assert token_f1("x", ["y", "x"]) == 1.0
    assert token_f1("", ["x"]) == token_f1("x", []) == 0.0


def test_rouge_l_by_hand() -> None:
    """Lin 2004, section 3.1: "police killed the gunman" and "the gunman kill police" share 2 words in order."""
    assert rouge_l("the gunman kill police", ["police killed the gunman"]) == pytest.approx(0.5)
    assert rouge_l("police kill the gunman", ["police killed the gunman"]) == pytest.approx(0.75)
    assert common_subsequence("abcbdab", "bdcaba") == 4


@given(st.text(alphabet="abc", max_size=6), st.text(alphabet="abc", max_size=6))
def test_a_common_subsequence_by_its_recursion(one: str, other: str) -> None:
    def length(a: str, b: str) -> int:
        if not a or not b:
            return 0
        if a[0] == b[0]:
            return 1 + length(a[1:], b[1:])
        return max(length(a[1:], b), length(a, b[1:]))

    assert common_subsequence(one, other) == common_subsequence(other, one) == length(one, other)


@given(st.text(max_size=60), st.lists(st.text(max_size=30), max_size=3))
def test_measures_of_any_text_are_shares(answer: str, golds: list[str]) -> None:
    for measure in (contains, token_f1, rouge_l):
        assert 0 <= measure(answer, golds) <= 1


def test_marks_are_no_numbers() -> None:
    assert unmarked("It is 4 m. [1] So [2, 13] it is [a].") == "It is 4 m. So it is [a]."


def test_citations_by_hand() -> None:
    assert citing.precision(["p1", "p2", "p2", "p3"], ["p2", "p9"]) == pytest.approx(1 / 3)
    assert citing.recall(["p1", "p2", "p2", "p3"], ["p2", "p9"]) == 0.5
    assert citing.precision([], ["p2"]) == citing.recall([], ["p2"]) == citing.recall(["p2"], []) == 0.0
