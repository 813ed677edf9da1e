"""Filters from what a user writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.filters import And, Eq, Glob, In, Not, Or, Range, all_of, check_field, condition, where


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("source", "reports/a.pdf", Eq("source", "reports/a.pdf")),
        ("source", "*.pdf", Glob("source", "*.pdf")),
        ("source", "a?.pdf", Glob("source", "a?.pdf")),
        ("title", "Rain *", Glob("title", "Rain *")),
        ("title", "3..9", Eq("title", "3..9")),
        ("modality", "table", Eq("modality", "table")),
        ("modality", "ta*", Eq("modality", "ta*")),
        ("role", "figure", Eq("role", "figure")),
        ("page", 9, Eq("page", 9)),
        ("page", "9", Eq("page", 9)),
        ("page", " 9 ", Eq("page", 9)),
        ("page", "3..9", Range("page", 3, 9)),
        ("page", "..9", Range("page", None, 9)),
        ("page", "3..", Range("page", 3, None)),
        ("page", " 3 .. 9 ", Range("page", 3, 9)),
        ("label.year", 2021, Eq("label.year", 2021)),
        ("label.year", "2021", Eq("label.year", "2021")),
        ("label.year", "2019..2021", Range("label.year", 2019, 2021)),
        ("label.year", "-5..", Range("label.year", -5, None)),
        ("label.name", "a..b", Eq("label.name", "a..b")),
        ("label.name", "..", Eq("label.name", "..")),
        ("label.draft", True, Eq("label.draft", True)),
        ("label.share", 0.5, Eq("label.share", 0.5)),
        ("page", [1, "3..4"], Or((Eq("page", 1), Range("page", 3, 4)))),
        ("source", ("a", "b*"), Or((Eq("source", "a"), Glob("source", "b*")))),
        ("source", [], Or(())),
    ],
)
def test_conditions(field: str, value: object, expected: object) -> None:
    assert condition(field, value) == expected


def test_a_filter_from_a_mapping() -> None:
    assert where({"source": "a", "page": "2..3"}) == And((Eq("source", "a"), Range("page", 2, 3)))
    assert where({"source": "a"}) == Eq("source", "a")
    assert where({}) is None


def test_a_filter_from_strings() -> None:
    assert where(["source=a", "page=2..3"]) == And((Eq("source", "a"), Range("page", 2, 3)))
    assert where(["source=a", "source=b"]) == Or((Eq("source", "a"), Eq("source", "b"))), "the same key: either"
    assert where(["label.sum=a=b"]) == Eq("label.sum", "a=b"), "only the first sign parts key and value"
    assert where([" source =a"]) == Eq("source", "a")
    assert where([]) is None


def test_a_filter_stays_one() -> None:
    for one in (Eq("page", 1), Not(Eq("page", 1)), In("role", ("list",)), And(()), Or(()), None):
        assert where(one) is one


def test_conjunction() -> None:
    one, other = Eq("page", 1), Eq("role", "list")
    assert all_of([None, None]) is None
    assert all_of([None, one]) is one
    assert all_of([one, None, other]) == And((one, other))


@pytest.mark.parametrize(
    ("name", "hint"),
    [("sorce", "'source'"), ("modalty", "'modality'"), ("pages", "'page'"), ("titel", "'title'")],
)
def test_an_unknown_field_names_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=f"unknown filter field '{name}'.*did you mean {hint}"):
        where({name: "x"})


@pytest.mark.parametrize(
    "name",
    [
        "", "label", "label.", "label.a b", "label.a'b", 'label.a"b', "label.a\nb", "label.a\n", "label.$", "label.é",
        "label." + "a" * 65, "LABEL.a", "page ", "source)--", "c.modality",
    ],
)  # fmt: skip
def test_odd_fields_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="unknown filter field"):
        condition(name, "x")


def test_label_keys_have_plain_letters() -> None:
    for name in ("label.a", "label.a.b-c_9", "label." + "a" * 64):
        assert check_field(name) == name


@pytest.mark.parametrize(
    "value", ["x", "", "..", "3...9", "3.5", 3.5, True, float("inf"), float("nan"), "9" * 19, "1..2..3"]
)
def test_odd_pages_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"filter page: expected 9 or 3\.\.9"):
        condition("page", value)


@pytest.mark.parametrize("value", [None, {}, {"a": 1}, b"x", [None], [[1]], object()])
def test_odd_values_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="expected text or a number"):
        condition("label.x", value)


def test_odd_conditions_are_refused() -> None:
    with pytest.raises(ValueError, match="KEY=VALUE, got 'source'"):
        where(["source"])
    with pytest.raises(ValueError, match="got the text"):
        where("source=a")


@given(
    st.dictionaries(
        st.sampled_from(["source", "page", "label.a", "x"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5),
    )
)
def test_any_json_is_a_filter_or_refused(conditions: dict[str, object]) -> None:
    try:
        found = where(conditions)
    except ValueError:
        return
    assert (found is None) == (not conditions)
