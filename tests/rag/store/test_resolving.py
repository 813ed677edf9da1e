"""A filter over what never changes of a chunk admits what the filter does."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.document import Chunk
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.store.catalog import Catalog
from rag.store.resolving import MOST_QUESTIONS, lasting, questions
from tests.rag.store.small import Doc, admitted, filled, holds, ingested, piece
from tests.rag.store.test_conditions import corpora, filters


def keeps(where: Filter, chunk: Chunk) -> bool:
    """Whether a chunk is admitted by its document, modality, role and pages; what is asked beside fails."""
    match where:
        case And(parts):
            return all(keeps(one, chunk) for one in parts)
        case Or(parts):
            return any(keeps(one, chunk) for one in parts)
        case Not(inner):
            return not keeps(inner, chunk)
        case In("document", values):
            return chunk.origin.source.digest in values
        case _:
            assert where.field in ("modality", "role", "page")
            return holds(where, chunk, "", "", {})


@settings(max_examples=80)
@given(corpora(), st.lists(filters, min_size=1, max_size=10), filters)
def test_it_admits_what_the_filter_admits(docs: list[Doc], many: list[Filter], restriction: Filter) -> None:
    with TemporaryDirectory() as folder:
        path = filled(Path(folder) / "catalog.sqlite", *docs)
        whole, restricted = Catalog(path), Catalog(path, restriction)
        chunks = [chunk for doc in docs for chunk in doc.chunks()]
        for one in many:
            for catalog, asked in ((whole, one), (restricted, And((restriction, one)))):
                said = catalog.resolved(one)
                assert said is not None
                assert {chunk.id for chunk in chunks if keeps(said, chunk)} == admitted(asked, docs), (one, said)
        whole.close()
        restricted.close()


MANY = [Doc(f"{n}.pdf", [piece("a"), piece("b", 2, "table", "table")], [(f"{n}.pdf", {"n": n})]) for n in range(10)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "catalog.sqlite", *MANY)


def test_documents_are_told_and_the_fewer_of_them(path: Path) -> None:
    catalog = Catalog(path)
    assert catalog.resolved(Range("label.n", 2, 3)) == In("document", (MANY[2].digest, MANY[3].digest))
    assert catalog.resolved(Not(Eq("label.n", 4))) == Not(In("document", (MANY[4].digest,)))
    assert catalog.resolved(Glob("source", "*.pdf")) == And(())
    assert catalog.resolved(Eq("title", "x")) == Or(())
    table = Eq("role", "table")
    assert catalog.resolved(And((table, Eq("label.n", 4)))) == And((In("document", (MANY[4].digest,)), table))
    assert catalog.resolved(table) == And((table,))
    catalog.close()


def test_two_conditions_on_sources_are_one_question() -> None:
    one, two, page = Eq("label.a", True), Eq("source", "x"), Eq("page", 1)
    assert questions(And((one, page, two))) == [And((one, two))]
    assert questions(Or((page, Not(And((one, Not(page))))))) == [And((one,))]
    assert questions(page) == []


def test_what_asks_too_much_is_left_to_ids(path: Path) -> None:
    catalog = Catalog(path)
    asked = Or(tuple(And((Eq("label.n", n), Eq("page", n))) for n in range(MOST_QUESTIONS + 1)))
    assert catalog.resolved(asked) is None
    assert catalog.resolved(And((Eq("role", "table"), Not(Eq("colour", "red"))))) is None
    catalog.close()


def test_what_cannot_be_asked_is_refused(path: Path) -> None:
    catalog = Catalog(path)
    for bad in (
        Eq("shade", "red"),
        Range("title", 1, 2),
        Glob("page", "1*"),
        And((Eq("page", 1), Range("role", 1, 2))),
    ):
        with pytest.raises(ValueError):
            catalog.resolved(bad)
    catalog.close()


def test_a_change_of_labels_is_seen_and_else_the_same_is_told(path: Path) -> None:
    from rag.store.writer import Writer

    catalog = Catalog(path)
    first = catalog.resolved(Eq("label.n", 1))
    assert catalog.resolved(Eq("label.n", 1)) is first
    assert catalog.resolved(Eq("label.n", True)) == Or(()), "True is not 1"
    writer = Writer(path)
    writer.set_labels("/data/1.pdf", {"n": 7})
    ingested(writer, Doc("new.pdf", [piece("c")], [("new.pdf", {"n": 1})]))
    writer.close()
    assert catalog.resolved(Eq("label.n", 1)) == In("document", (Doc("new.pdf", []).digest,))
    assert catalog.resolved(Eq("label.n", 7)) == In("document", (MANY[1].digest, MANY[7].digest))
    catalog.close()


def test_what_lasts_of_a_chunk() -> None:
    assert lasting("d", "text", "note", 3, 4) == (
        ("document", "d"), ("first", 3), ("last", 4), ("modality", "text"), ("role", "note"),
    )  # fmt: skip
    assert lasting("d", "text", "note", None, None) == (("document", "d"), ("modality", "text"), ("role", "note"))
