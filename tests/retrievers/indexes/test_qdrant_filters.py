"""Filters of Qdrant: what is sent for them, and that labels may change without a point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rag.retrievers.indexes import qdrant_filters
from rag.retrievers.indexes.qdrant import Qdrant

from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.identity import digest
from rag.store.catalog import Catalog
from rag.store.resolving import lasting
from tests.golden.qdrants import QdrantServer
from tests.rag.store.small import Doc, filled, piece
from tests.retrievers.indexes.served import DIM, units

pytestmark = pytest.mark.usefixtures("closed")


def documents(count: int) -> list[Doc]:
    pieces = [piece(f"text {n}", n, "paragraph") for n in range(1, 6)]
    return [Doc(f"{n}.pdf", pieces, [(f"{n}.pdf", {"n": n, "even": n % 2 == 0})]) for n in range(count)]


def stored(folder: Path, docs: Sequence[Doc]) -> tuple[Qdrant, Catalog]:
    """An index with the chunks of these documents."""
    catalog = Catalog(filled(folder / "catalog.sqlite", *docs))
    index = Qdrant(folder / "index", DIM, catalog, server=True)
    chunks = [chunk for doc in docs for chunk in doc.chunks()]
    told = [lasting(one.origin.source.digest, one.modality, one.role, 1 + n % 5, 1 + n % 5)
            for n, one in enumerate(chunks)]  # fmt: skip
    index.add([one.id for one in chunks], units(len(chunks)), told)
    index.commit(1)
    return index, catalog


def sent(server: QdrantServer) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = json.loads(server.asked[-1].body)
    return body


def test_a_filter_is_sent_as_what_it_says(tmp_path: Path, server: QdrantServer) -> None:
    docs = documents(6)
    index, catalog = stored(tmp_path, docs)
    (found,) = index.search(units(1), 99, And((Range("page", 2, 3), Eq("label.n", 4))))
    assert {id for id, _ in found} == {chunk.id for chunk in docs[4].chunks()[1:3]}
    text = json.dumps(sent(server)["filter"])
    assert digest("4.pdf")[:8] in text
    assert '"gte": 2.0' in text
    assert '"lte": 3.0' in text
    assert "has_id" not in text
    catalog.close()


def test_a_chunk_over_several_pages_is_on_each(tmp_path: Path, server: QdrantServer) -> None:
    class Whole:
        def resolved(self, where: Filter) -> Filter:
            return where

    index = Qdrant(tmp_path, DIM, Whole(), server=True)  # type: ignore[arg-type]
    index.add(
        ["long", "none"], units(2), [lasting(digest("d"), "text", "note", pages, pages and 5) for pages in (2, None)]
    )
    index.commit(1)
    cases: list[tuple[Filter, list[str]]] = [
        (Eq("page", 1), []), (Eq("page", 2), ["long"]), (Eq("page", 4), ["long"]), (Eq("page", 6), []),
        (Range("page", None, 1), []), (Range("page", 0, 2), ["long"]), (Range("page", 5, 9), ["long"]),
        (Range("page", 3, 4), ["long"]), (Range("page", 6, None), []), (Not(Range("page", 1, 9)), ["none"]),
        (In("page", (1, 5)), ["long"]), (Not(Eq("page", 3)), ["none"]),
    ]  # fmt: skip
    for where, wanted in cases:
        (found,) = index.search(units(1), 9, where)
        assert [id for id, _ in found] == wanted, where


def test_labels_that_change_need_no_point_to_change(tmp_path: Path, server: QdrantServer) -> None:
    from rag.store.writer import Writer

    docs = documents(4)
    index, catalog = stored(tmp_path, docs)
    writer = Writer(tmp_path / "catalog.sqlite")
    writer.set_labels("/data/1.pdf", {"n": 99})
    writer.rename("/data/2.pdf", "/data/renamed.pdf", docs[2].source("renamed.pdf"))
    writer.close()
    before = len([one for one in server.asked if one.method == "PUT"])
    for where, doc in ((Eq("label.n", 99), docs[1]), (Eq("source", "renamed.pdf"), docs[2])):
        (found,) = index.search(units(1), 99, where)
        assert {id for id, _ in found} == {chunk.id for chunk in doc.chunks()}
    assert index.search(units(1), 9, Eq("label.n", 1)) == [[]]
    assert len([one for one in server.asked if one.method == "PUT"]) == before
    catalog.close()


def test_half_of_the_documents_is_told_by_the_other_half(tmp_path: Path, server: QdrantServer) -> None:
    index, catalog = stored(tmp_path, documents(21))
    (found,) = index.search(units(1), 999, Eq("label.even", True))
    assert len(found) == 11 * 5
    assert json.dumps(sent(server)["filter"]).count("-4") <= 10 + 10  # UUIDs of ten documents, of no chunk
    assert len(json.dumps(sent(server)["filter"])) < 700
    catalog.close()


def test_a_filter_too_large_for_a_request_goes_in_several(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = documents(12)
    index, catalog = stored(tmp_path, docs)
    where = Or((In("label.n", tuple(range(5))), And((Eq("page", 1), In("label.n", (8, 9))))))
    wanted = index.search(units(2), 7, where)
    monkeypatch.setattr(qdrant_filters, "MOST_VALUES", 2)
    server.asked.clear()
    assert index.search(units(2), 7, where) == wanted
    assert len(server.asked) == 2 * (3 + 1)
    cases: list[Filter] = [Not(In("label.n", (1, 2, 3))), Glob("role", "para*"), Eq("page", "1")]
    for one in cases:  # what cannot be said or parted goes as ids
        server.asked.clear()
        (found,) = index.search(units(1), 99, one)
        assert {id for id, _ in found} == catalog.matching(one)
        assert "has_id" in sent(server)["filter"]["must"][0]
    catalog.close()


def test_points_that_were_told_nothing_are_filtered_by_id(tmp_path: Path, server: QdrantServer) -> None:
    docs = documents(3)
    index, catalog = stored(tmp_path, docs)
    ids = [chunk.id for chunk in docs[0].chunks()]
    index.add(ids[:1], units(1))
    index.commit(2)
    (found,) = index.search(units(1), 99, Eq("page", 1))
    assert len(found) == 3
    assert "has_id" in json.dumps(sent(server)["filter"])
    catalog.close()
