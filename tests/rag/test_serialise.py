"""Nouns to plain values and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.answer import Answer, Query, Score
from rag.document import Box, Cell, CharSpan, Chunk, Element, MarkupPath, Origin, PageRegion, Part, Source
from rag.filters import Eq, Not
from rag.serialise import dumps, from_plain, loads, to_plain
from tests.rag import nouns

SOURCE = Source("a.pdf", "application/pdf", "0" * 64)
CHUNK = Chunk("c1", "text", Origin(SOURCE, (PageRegion(2, Box(0, 0.5, 1, 1)), CharSpan(3, 9))), text="rain")
PLAIN = {
    "id": "c1",
    "modality": "text",
    "origin": {
        "source": {"uri": "a.pdf", "media_type": "application/pdf", "digest": "0" * 64},
        "places": [
            {"page": 2, "box": {"left": 0.0, "top": 0.5, "right": 1.0, "bottom": 1.0}, "kind": "PageRegion"},
            {"start": 3, "end": 9, "kind": "CharSpan"},
        ],
    },
    "text": "rain",
}
few = settings(max_examples=60, deadline=None)


@few
@given(nouns.parts)
def test_parts_come_back(part: Part) -> None:
    assert loads(Part, dumps(part)) == part
    assert from_plain(Part, to_plain(part)) == part


@few
@given(nouns.chunks)
def test_chunks_come_back(chunk: Chunk) -> None:
    assert loads(Chunk, dumps(chunk)) == chunk


@few
@given(nouns.elements)
def test_elements_come_back(element: Element) -> None:
    assert loads(Element, dumps(element)) == element


@few
@given(nouns.queries)
def test_queries_come_back_with_their_filters(query: Query) -> None:
    assert loads(Query, dumps(query)) == query


@few
@given(nouns.answers)
def test_answers_come_back(answer: Answer) -> None:
    assert loads(Answer, dumps(answer)) == answer


def test_the_form_is_stable_and_leaves_defaults_out() -> None:
    assert to_plain(CHUNK) == PLAIN
    assert json.loads(dumps(CHUNK)) == PLAIN
    assert to_plain(Query(())) == {"parts": []}


def test_values_equal_to_a_default_of_another_type_come_back_equal() -> None:
    assert loads(Cell, dumps(Cell(0, 0, "", header=True, rows=1))) == Cell(0, 0, "", header=True)


def test_a_number_may_be_written_without_its_point() -> None:
    assert from_plain(Score, {"rank": 1, "score": 2}) == Score(1, 2.0)


def changed(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    plain: Any = json.loads(json.dumps(PLAIN))
    inner = plain
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return dict(plain)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("colour",), "red"),
        (("kind",), "Chunk"),
        (("id",), 7),
        (("id",), None),
        (("tokens",), "7"),
        (("tokens",), 7.5),
        (("tokens",), True),
        (("modality",), "smell"),
        (("modality",), ["text"]),
        (("text",), ["rain"]),
        (("headings",), "above"),
        (("headings",), {"above": 1}),
        (("headings",), [1]),
        (("labels",), [["a"]]),
        (("labels",), [["a", None]]),
        (("labels",), [["a", ["b"]]]),
        (("views",), [["text", "0"]]),
        (("media",), "picture"),
        (("media",), {"media_type": "image/png"}),
        (("origin",), []),
        (("origin", "places"), []),
        (("origin", "places"), None),
        (("origin", "places", 0), None),
        (("origin", "places", 0, "kind"), "MarkupPath"),
        (("origin", "places", 0, "kind"), "Eq"),
        (("origin", "places", 0, "kind"), "Popen"),
        (("origin", "places", 0, "kind"), ["PageRegion"]),
        (("origin", "places", 0, "page"), "2"),
        (("origin", "places", 0, "box", "left"), "0.1"),
        (("origin", "places", 0, "box", "bottom"), 0.1),
        (("origin", "source", "path"), 5),
    ],
)
def test_what_does_not_fit_is_refused(path: tuple[str | int, ...], value: object) -> None:
    with pytest.raises(ValueError):
        from_plain(Chunk, changed(path, value))


@pytest.mark.parametrize("value", [None, 3, "text", [], [1], {}, {"id": "x"}])
def test_what_is_no_noun_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        from_plain(Chunk, value)


@pytest.mark.parametrize("text", ["", "{", "nonsense", '{"id": }', "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        loads(Chunk, text)


def test_a_tower_of_filters_is_refused() -> None:
    plain: dict[str, Any] = {"field": "page", "value": 1, "kind": "Eq"}
    assert from_plain(Not, {"filter": plain, "kind": "Not"}) == Not(Eq("page", 1))
    for _ in range(5000):
        plain = {"filter": plain, "kind": "Not"}
    with pytest.raises(ValueError):
        from_plain(Not, plain)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_hostile_values_are_refused_or_are_nouns(plain: object) -> None:
    for kind in (Part, Chunk, Query, MarkupPath):
        try:
            built = from_plain(kind, plain)
        except ValueError:
            continue
        assert isinstance(built, kind)


def test_only_nouns_are_serialised() -> None:
    for value in (object(), {1, 2}, b"bytes", json):
        with pytest.raises(TypeError):
            to_plain(value)
    with pytest.raises(ValueError):
        from_plain(set, [1])
