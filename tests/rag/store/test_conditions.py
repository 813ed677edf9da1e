"""Filters in SQL mean what they mean in plain Python."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range, condition, where
from rag.store.catalog import Catalog
from rag.store.conditions import DEEPEST, MOST_VALUES, compiled
from tests.rag.store.small import Doc, admitted, filled, piece

words = st.sampled_from(
    ["a", "b.pdf", "B.pdf", "in/b.pdf", "in/sub/b.pdf", "50%", "5_%", "é", "É", "*", "in", "'; DROP TABLE chunks; --"]
)
label_values = st.one_of(
    words,
    st.sampled_from(["7", "7.0", "2021-05-01", "-3 m", "true", "", "1e3", "٣"]),
    st.integers(-3, 9),
    st.sampled_from([0.5, 7.0, 1e20, 0.1 + 0.2, 1000.0]),
    st.booleans(),
)
label_sets = st.dictionaries(st.sampled_from(["team", "a.b-c"]), label_values, max_size=2)
pieces = st.lists(
    st.builds(
        piece,
        st.just("text"),
        st.none() | st.integers(1, 4),
        st.sampled_from(["paragraph", "table", "page"]),
        st.sampled_from(["text", "table", "image"]),
    ),
    max_size=4,
)
fields = st.sampled_from(["source", "title", "modality", "role", "label.team", "label.a.b-c"])
values = st.one_of(label_values, st.sampled_from(["text", "table", "image", "paragraph", "page"]))
sides = st.none() | st.integers(-4, 10).map(float)
patterns = st.lists(st.sampled_from(["*", "?", "b", "B", ".pdf", "in/", "%", "_", "\\", "é", "7"]), max_size=4).map(
    "".join
)
leaves = st.one_of(
    st.builds(Eq, field=fields, value=values),
    st.builds(Eq, field=st.just("page"), value=st.integers(0, 5)),
    st.builds(In, field=fields, values=st.lists(values, max_size=3).map(tuple)),
    st.builds(Range, field=st.sampled_from(["page", "label.team", "label.a.b-c"]), low=sides, high=sides),
    st.builds(Glob, field=fields, pattern=patterns),
)
filters = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(And, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, filter=inner),
    ),
    max_leaves=5,
)


@st.composite
def corpora(draw: st.DrawFn) -> list[Doc]:
    uris = draw(st.lists(words, max_size=5, unique=True))
    docs: list[Doc] = []
    while uris:
        share = draw(st.integers(1, 2))
        own, uris = uris[:share], uris[share:]
        named = [(uri, draw(label_sets)) for uri in own]
        docs.append(Doc(f"document {len(docs)}", draw(pieces), named, title=draw(words)))
    return docs


@settings(max_examples=60, deadline=None)
@given(corpora(), st.lists(filters, min_size=1, max_size=12), filters)
def test_sql_admits_what_python_admits(docs: list[Doc], many: list[Filter], restriction: Filter) -> None:
    with TemporaryDirectory() as folder:
        path = filled(Path(folder) / "catalog.sqlite", *docs)
        open_to_all, restricted = Catalog(path), Catalog(path, restriction)
        for one in many:
            assert open_to_all.matching(one) == admitted(one, docs), one
            assert restricted.matching(one) == admitted(And((restriction, one)), docs), one
        open_to_all.close()
        restricted.close()


DOCS = (
    Doc("report", [piece("a"), piece("b", 2), piece("c", None)], [("in/Report.pdf", {"year": 2021, "open": True})]),
    Doc("rate", [piece("d")], [("in/50%_rate.pdf", {"year": "2019", "date": "2019-05-01"})], title="50% rate"),
    Doc("twin", [piece("e")], [("secret/x.pdf", {"team": "red"}), ("public/x.pdf", {"team": "blue"})]),
)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return Catalog(filled(tmp_path_factory.mktemp("corpus") / "catalog.sqlite", *DOCS))


def found(catalog: Catalog, one: Filter | None) -> str:
    """The texts of the chunks that a filter admits, in order."""
    assert one is not None
    return "".join(sorted(chunk.text for chunk in catalog.chunks(sorted(catalog.matching(one))).values()))


@pytest.mark.parametrize(
    ("written", "texts"),
    [
        ({"source": "in/Report.pdf"}, "abc"),
        ({"source": "/data/in/Report.pdf"}, "abc"),
        ({"source": "Report.pdf"}, "abc"),
        ({"source": "report.pdf"}, ""),
        ({"source": "eport.pdf"}, ""),
        ({"source": "*.PDF"}, "abcde"),
        ({"source": "report.p?f"}, "abc"),
        ({"source": "in/*"}, "abcd"),
        ({"source": "50%_rate.pdf"}, "d"),
        ({"source": "50%*"}, "d"),
        ({"source": "5%*"}, ""),
        ({"source": "50%?rate*"}, "d"),
        ({"source": "5___rate*"}, ""),
        ({"title": "50% rate"}, "d"),
        ({"title": "50% RATE"}, ""),
        ({"title": "50% RAT*"}, "d"),
        ({"page": 2}, "b"),
        ({"page": "1.."}, "abde"),
        ({"page": "9" * 18}, ""),
        ({"label.year": 2021}, "abc"),
        ({"label.year": "2021"}, "abc"),
        ({"label.year": 2021.0}, "abc"),
        ({"label.year": 2019}, "d"),
        ({"label.year": "2019..2021"}, "abcd"),
        ({"label.date": "2019..2019"}, "d"),
        ({"label.team": "0..9"}, ""),
        ({"label.open": "true"}, "abc"),
        ({"label.open": True}, "abc"),
        ({"label.open": 1}, ""),
        ({"label.none": "x"}, ""),
        ({"source": "secret/x.pdf", "label.team": "red"}, "e"),
        ({"source": "secret/x.pdf", "label.team": "blue"}, ""),
        ({"source": "secret/*", "label.team": ["red", "blue"]}, "e"),
    ],
)
def test_what_users_write(catalog: Catalog, written: dict[str, object], texts: str) -> None:
    assert found(catalog, where(written)) == texts


def test_what_has_no_page_or_label_is_not_on_it(catalog: Catalog) -> None:
    assert found(catalog, Not(Eq("page", 1))) == "bc"
    assert found(catalog, Not(Range("page", 1, 2))) == "c"
    assert found(catalog, Not(Eq("label.year", 2021))) == "de"


def test_a_range_holds_for_one_source_at_a_time(tmp_path: Path) -> None:
    doc = Doc("x", [piece("a")], [("old", {"year": 2010}), ("new", {"year": 2030})])
    catalog = Catalog(filled(tmp_path / "catalog.sqlite", doc))
    assert found(catalog, Range("label.year", 2015, 2020)) == ""
    assert found(catalog, Range("label.year", 2005, 2015)) == "a"


INJECTIONS = ["'", '"', "' OR 1=1 --", "\\", "%", "_", "x') OR ('1'='1", "$.x", '"}', "\n", "[a]", "{}"]


@pytest.mark.parametrize("text", INJECTIONS)
def test_values_are_only_values(catalog: Catalog, text: str) -> None:
    for field in ("source", "title", "modality", "role", "label.team"):
        for one in (Eq(field, text), In(field, (text, text)), Glob(field, text)):
            assert catalog.matching(one) == set()
            assert "?" in compiled(one)[0]
            assert (
                text not in compiled(one)[0].replace("LIKE ? ESCAPE '\\'", "").replace("'\\', '/'", "")
                or len(text) == 1
            )


@pytest.mark.parametrize("text", [text for text in INJECTIONS if text != "_"])
def test_fields_are_checked_again_here(text: str) -> None:
    for field in (f"label.{text}", text, f"title{text}"):
        for one in (Eq(field, 1), In(field, (1,)), Glob(field, "x"), Range(field, 1, 2)):
            with pytest.raises(ValueError, match="unknown filter field"):
                compiled(one)


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (Range("title", 1, 2), "a range holds for page and label.KEY only"),
        (Range("source", None, None), "a range holds for page and label.KEY only"),
        (Glob("page", "*"), "not a glob"),
    ],
)
def test_conditions_that_make_no_sense(one: Filter, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compiled(one)


@pytest.mark.parametrize("value", [2**63, -(2**70), 10**400, 1e400, float("nan"), True, "x"])
def test_no_number_is_too_large(catalog: Catalog, value: object) -> None:
    for field in ("page", "label.year", "title", "source", "modality"):
        assert catalog.matching(Eq(field, value)) in (set(), catalog.matching(Eq("page", 1)))  # type: ignore[arg-type]
    assert catalog.matching(Range("page", None, 10**400))


def test_long_lists_work(catalog: Catalog) -> None:
    names = tuple(f"none {n}" for n in range(2000))
    assert found(catalog, In("source", (*names, "Report.pdf"))) == "abc"
    assert found(catalog, condition("label.year", [*range(3000, 4000), 2021])) == "abc"
    assert found(catalog, And(tuple(Not(Eq("title", name)) for name in names))) == "abcde"


def test_what_is_too_large_for_the_database_is_refused(catalog: Catalog) -> None:
    with pytest.raises(ValueError, match="at most 10000 values"):
        catalog.matching(In("title", ("x",) * (MOST_VALUES + 1)))
    deep: Filter = Eq("source", "Report.pdf")
    for level in range(DEEPEST - 5):
        deep = And((deep, Or((Eq("page", 9), Not(Eq("page", 9)))))) if level % 2 else Not(deep)
    assert isinstance(catalog.matching(deep), frozenset)
    with pytest.raises(ValueError, match="nests at most"):
        catalog.matching(Not(Not(Not(Not(Not(deep))))))


def test_every_condition_is_legal_sql() -> None:
    assert sqlite3.complete_statement(f"SELECT 1 WHERE {compiled(And(()))[0]};")
    assert compiled(And(())) == ("1", [])
    assert compiled(Or(())) == ("0", [])
    assert compiled(In("title", ())) == ("0", [])


@pytest.mark.parametrize(
    ("written", "found_it"),
    [
        ("C:\\Data\\In\\Report.pdf", True), ("Report.pdf", True), ("In\\Report.pdf", True), ("In/Report.pdf", True),
        ("*\\in\\*.PDF", True),
        ("C:/Data/In/Report.pdf", True), ("c:\\data\\*", True), ("c:/data/*", True), ("report.pdf", False),
        ("c:\\data\\in\\report.pdf", False), ("D:\\Data\\In\\Report.pdf", False), ("eport.pdf", False),
    ],
)  # fmt: skip
def test_paths_with_drive_letters(tmp_path: Path, written: str, found_it: bool) -> None:
    """On strings alone: names are told apart by case, globs are not, and either slash parts folders."""
    doc = Doc("x", [piece("w")], [("C:\\Data\\In\\Report.pdf", {})])
    catalog = Catalog(filled(tmp_path / "catalog.sqlite", doc))
    assert found(catalog, where({"source": written})) == ("w" if found_it else "")


def test_colours_are_those_of_letters_grounds_and_marks(tmp_path: Path) -> None:
    from dataclasses import replace

    from rag.document import Coloured
    from rag.store.rows import chunk_row

    doc = Doc("a.pdf", [piece(f"text {number}") for number in range(5)], [("a.pdf", {})])
    path = filled(tmp_path / "catalog.sqlite", doc)
    runs = (Coloured(0, 2, "red"), Coloured(0, 2, "white", "blue"), Coloured(0, 2, "", "yellow", "highlighted"))
    made = [replace(chunk, coloured=(run,)) for chunk, run in zip(doc.chunks(), runs, strict=False)]
    made.append(replace(doc.chunks()[3], text='"coloured": red'))  # a text that looks like it
    with sqlite3.connect(path) as connection:
        for chunk in made:
            connection.execute("UPDATE chunks SET body = ? WHERE id = ?", (chunk_row(chunk).body, chunk.id))
    catalog = Catalog(path)

    def matched(*looks: str) -> list[str]:
        found = catalog.chunks(sorted(catalog.matching(where({"colour": list(looks)}))))  # type: ignore[arg-type]
        return sorted(chunk.text for chunk in found.values())

    assert matched("red") == matched("Red") == ["text 0"]
    assert matched("blue") == matched("white") == ["text 1"]
    assert matched("highlighted") == matched("yellow") == ["text 2"]
    assert matched("red", "yellow") == ["text 0", "text 2"]
    assert matched("black") == []
    assert [one.uri for one in catalog.names(condition("colour", "red"))] == ["a.pdf"]
    assert catalog.names(condition("colour", "gray")) == ()
    with pytest.raises(ValueError, match=r"expected one of red, .*struck out, got 'mauve'"):
        condition("colour", "mauve")
