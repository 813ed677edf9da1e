"""Reading the catalog, whole and restricted."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.document import Chunk, Media
from rag.errors import CorpusError
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.store.catalog import Catalog, Document
from rag.store.writer import Writer
from tests.rag.store.small import Doc, filled, ingested, key, piece

LONG = Doc("long.pdf", [piece(f"chunk {n}", n // 4 + 1) for n in range(1200)], title="Long")
MIXED = Doc(
    "mixed.pdf",
    [piece("head", 1, "heading"), piece("", 1, "page", "image"), piece("body", 1), piece("cells", 2, "table", "table")],
    [("in/mixed.pdf", {"team": "red", "year": 2021}), ("copies/mixed.pdf", {"team": "blue", "draft": True})],
    title="Mixed", warnings=["page 3 was empty", "page 4 too"], media=Media("image/png", "b" * 64, 3),
)  # fmt: skip
SECRET = Doc("secret.pdf", [piece("secret", 1)], [("secret/plan.pdf", {"team": "red"})], title="The plan")
TWIN = Doc(
    "twin.pdf", [piece("shared", 1), piece("more", 2)],
    [("secret/old name.pdf", {"team": "red", "project": "x"}), ("public/report.pdf", {"team": "blue"})],
)  # fmt: skip


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled(tmp_path_factory.mktemp("corpus") / "catalog.sqlite", MIXED, LONG, SECRET, TWIN)


@pytest.fixture
def catalog(path: Path) -> Iterator[Catalog]:
    one = Catalog(path)
    yield one
    one.close()


def of(catalog: Catalog) -> list[str]:
    return [id for _, id in catalog.live_ids()]


def ids(doc: Doc) -> list[str]:
    return [chunk.id for chunk in doc.chunks()]


# --- the protocol ------------------------------------------------------------------------------------


def test_chunks_by_id(catalog: Catalog) -> None:
    wanted = [*ids(MIXED), "gone", *ids(SECRET)]
    found = catalog.chunks(wanted)
    assert set(found) == set(wanted) - {"gone"}
    body = found[ids(MIXED)[2]]
    assert (body.text, body.title, body.role, body.modality) == ("body", "Mixed", "paragraph", "text")
    assert body.origin.source == MIXED.source()
    assert body.origin.places == MIXED.chunks()[2].origin.places
    assert body.views == MIXED.chunks()[2].views
    assert catalog.chunks([]) == {}


def test_labels_are_those_of_all_sources_and_the_oldest_wins(catalog: Catalog) -> None:
    chunk = catalog.chunks(ids(MIXED)[:1])[ids(MIXED)[0]]
    assert chunk.labels == (("draft", True), ("team", "red"), ("year", 2021))


def test_names(catalog: Catalog, path: Path) -> None:
    told = catalog.names()
    assert told is catalog.names()
    named = {(one.title, one.uri) for one in told}
    assert {("Mixed", "in/mixed.pdf"), ("Mixed", "copies/mixed.pdf"), ("Long", "long.pdf")} <= named
    assert {one.uri for one in catalog.names(Eq("title", "Long"))} == {"long.pdf"}
    view = Catalog(path, Eq("label.team", "blue"))
    assert {one.uri for one in view.names()} == {"copies/mixed.pdf", "public/report.pdf"}
    view.close()


def test_many_ids_in_batches(catalog: Catalog) -> None:
    wanted = ids(LONG)
    assert set(catalog.chunks(wanted + wanted[:600])) == set(wanted)


def test_one_state_through_all_batches(path: Path, tmp_path: Path) -> None:
    own = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(own)) as copy:
        source.backup(copy)
    catalog, writer = Catalog(own), Writer(own)
    read = catalog._chunks
    calls: list[int] = []

    def slowly(condition: str, values: Sequence[object], order: str = "c.row") -> Iterator[Chunk]:
        found = list(read(condition, values, order))
        if not calls:
            writer.remove(key("long.pdf"))
        calls.append(len(found))
        return iter(found)

    catalog._chunks = slowly  # type: ignore[method-assign]
    assert len(catalog.chunks(ids(LONG))) == 1200, "what was removed between two batches is still whole"
    assert calls == [500, 500, 200]
    assert catalog.chunks(ids(LONG)) == {}
    catalog.close()
    writer.close()


def test_neighbours(catalog: Catalog) -> None:
    at = ids(LONG)
    texts = [chunk.text for chunk in catalog.neighbours(at[10], 3, 2)]
    assert texts == ["chunk 7", "chunk 8", "chunk 9", "chunk 11", "chunk 12"]
    assert [chunk.text for chunk in catalog.neighbours(at[0], 3, 1)] == ["chunk 1"]
    assert [chunk.text for chunk in catalog.neighbours(at[-1], 1, 3)] == ["chunk 1198"]
    assert catalog.neighbours(at[5], 0, 0) == []
    assert catalog.neighbours(at[5], -1, -1) == []
    assert catalog.neighbours("gone", 1, 1) == []


def test_neighbours_leave_out_the_pictures_of_pages(catalog: Catalog) -> None:
    assert [chunk.text for chunk in catalog.neighbours(ids(MIXED)[2], 1, 1)] == ["head", "cells"]


def test_live_ids_in_order_and_from_a_row_on(catalog: Catalog) -> None:
    every = catalog.live_ids()
    assert [id for _, id in every] == [*ids(MIXED), *ids(LONG), *ids(SECRET), *ids(TWIN)]
    assert catalog.live_ids(every[4][0], 3) == every[5:8]


def test_resolving_the_start_of_an_id(catalog: Catalog) -> None:
    whole = ids(SECRET)[0]
    assert catalog.resolve(whole).text == catalog.resolve(whole[:12]).text == "secret"
    with pytest.raises(ValueError, match="no chunk has an id that starts with"):
        catalog.resolve("0" * 32)
    with pytest.raises(ValueError, match="more than one"):
        catalog.resolve(
            next(start for start in "0123456789abcdef" if sum(id.startswith(start) for id in of(catalog)) > 1)
        )


@pytest.mark.parametrize("prefix", ["", "xyz", "%", "_", "ABC", "a'", "é", "1 "])
def test_an_id_is_hexadecimal(catalog: Catalog, prefix: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        catalog.resolve(prefix)


# --- documents ---------------------------------------------------------------------------------------


def test_documents(catalog: Catalog) -> None:
    documents = list(catalog.documents())
    assert [document.digest for document in documents] == [MIXED.digest, LONG.digest, SECRET.digest, TWIN.digest]
    mixed = documents[0]
    assert (mixed.title, mixed.language, mixed.pages, mixed.chunks, mixed.elements) == ("Mixed", "en", 2, 4, 4)
    assert [source.uri for source in mixed.sources] == ["in/mixed.pdf", "copies/mixed.pdf"]
    assert mixed.warnings == ("page 3 was empty", "page 4 too")
    assert mixed.derivation == "d1"


@pytest.mark.parametrize(
    ("where", "docs"),
    [
        (Eq("source", "mixed.pdf"), [MIXED]),
        (Eq("modality", "table"), [MIXED]),
        (Eq("page", 2), [MIXED, LONG, TWIN]),
        (Range("page", 250, None), [LONG]),
        (Eq("label.team", "blue"), [MIXED, TWIN]),
        (Eq("title", "none"), []),
    ],
)
def test_documents_of_which_a_filter_admits_something(catalog: Catalog, where: Filter, docs: list[Doc]) -> None:
    assert [document.digest for document in catalog.documents(where)] == [doc.digest for doc in docs]


def test_a_document_without_chunks_is_listed(tmp_path: Path) -> None:
    catalog = Catalog(filled(tmp_path / "catalog.sqlite", Doc("empty.pdf", [])))
    assert len(list(catalog.documents())) == len(list(catalog.documents(Eq("source", "empty.pdf")))) == 1
    assert list(catalog.documents(Eq("page", 1))) == []
    catalog.close()


def test_the_list_does_not_hold_up_other_threads(catalog: Catalog) -> None:
    listing = catalog.documents()
    next(listing)
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(len(catalog.live_ids())))
    thread.start()
    thread.join(10)
    assert found == [len(of(catalog))], "although the list was not read to its end"


def test_elements_and_pages(catalog: Catalog) -> None:
    assert [element.text for element in catalog.elements(MIXED.digest)] == ["head", "", "body", "cells"]
    assert [element.text for element in catalog.elements(MIXED.digest, 2)] == ["cells"]
    assert catalog.elements(MIXED.digest)[0].origin.source == MIXED.source()
    assert [page.number for page in catalog.pages(MIXED.digest)] == [1, 2]
    assert catalog.elements("gone") == catalog.pages("gone") == catalog.sources("gone") == []


def test_sources_by_what_they_are_called(catalog: Catalog) -> None:
    assert catalog.named("plan.pdf") == {key("secret/plan.pdf"): "secret/plan.pdf"}
    assert catalog.named(key("secret/plan.pdf")) == {key("secret/plan.pdf"): "secret/plan.pdf"}
    assert list(catalog.named("secret/*").values()) == ["secret/plan.pdf", "secret/old name.pdf"]
    assert list(catalog.named("mixed.pdf").values()) == ["in/mixed.pdf", "copies/mixed.pdf"]
    assert catalog.named("nothing") == {}
    assert catalog.named("") == {}


def test_a_name_that_looks_like_a_glob_means_itself_first(tmp_path: Path) -> None:
    catalog = Catalog(
        filled(tmp_path / "catalog.sqlite", Doc("what?.txt", [piece("a")]), Doc("what!.txt", [piece("b")]))
    )
    assert list(catalog.named("what?.txt").values()) == ["what?.txt"]
    assert len(catalog.named("what*")) == 2
    catalog.close()


def test_counts(catalog: Catalog) -> None:
    assert catalog.counts() == {
        "documents": 4, "pages": 2 + 300 + 1 + 2, "elements": 1207, "chunks": 1207, "sources": 6, "vectors": 0,
    }  # fmt: skip
    assert catalog.textual() == 1206
    assert catalog.media() == {"b" * 64}
    assert catalog.digests() == {doc.digest for doc in (MIXED, LONG, SECRET, TWIN)}
    assert catalog.unfinished() == []
    assert catalog.sequence() == 4
    catalog.verify()


def test_what_a_filter_admits_is_kept_until_another_process_commits(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    writer = Writer(path)
    ingested(writer, SECRET)
    catalog = Catalog(path)
    everything = Glob("source", "*")
    first = catalog.matching(everything)
    assert first == set(ids(SECRET))
    assert catalog.matching(Eq("modality", "table")) == set()
    assert catalog.matching(everything) is first
    ingested(writer, MIXED)
    assert catalog.matching(everything) == {*ids(SECRET), *ids(MIXED)}


def test_true_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    writer = Writer(path)
    ingested(writer, SECRET)
    writer.set_labels(key("secret/plan.pdf"), {"final": True})
    catalog = Catalog(path)
    for _ in range(2):
        assert catalog.matching(Eq("label.final", True)) == set(ids(SECRET))
        assert catalog.matching(Eq("label.final", 1)) == set()


def test_what_is_in_the_making_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    writer = Writer(path)
    ingested(writer, SECRET)
    from rag.store.rows import part_rows

    building = writer.begin(key("in/mixed.pdf"), MIXED.source(), "d1")
    writer.add_part(building.row, part_rows(MIXED.part(), MIXED.chunks()), {})
    catalog = Catalog(path)
    assert of(catalog) == ids(SECRET)
    assert catalog.chunks(ids(MIXED)) == {}
    assert catalog.matching(Eq("modality", "table")) == set()
    assert len(list(catalog.documents())) == 1
    assert catalog.elements(MIXED.digest) == catalog.pages(MIXED.digest) == []
    assert catalog.counts()["chunks"] == catalog.counts()["pages"] == 1
    assert catalog.unfinished() == [key("in/mixed.pdf")]
    assert catalog.media() == {"b" * 64}, "but its pictures are not swept"
    with pytest.raises(ValueError, match="no chunk"):
        catalog.resolve(ids(MIXED)[0])
    catalog.close()
    writer.close()


# --- restricted --------------------------------------------------------------------------------------

RESTRICTIONS = [
    Eq("source", "public/report.pdf"),
    Glob("source", "public/*"),
    Not(In("source", ("secret/plan.pdf", "secret/old name.pdf", "in/mixed.pdf"))),
    Eq("label.team", "blue"),
    And((Glob("source", "*.pdf"), Not(Eq("label.team", "red")))),
    And((Eq("page", 2), Not(Eq("label.team", "red")))),
    Or((Eq("title", "Long"), Eq("label.team", "blue"))),
]


def everything(catalog: Catalog) -> str:
    """All that a view tells, by every way there is."""
    digests = [doc.digest for doc in (MIXED, LONG, SECRET, TWIN)]
    every = [id for doc in (MIXED, LONG, SECRET, TWIN) for id in ids(doc)]
    told: list[object] = [
        catalog.chunks(every),
        list(catalog.documents()),
        list(catalog.documents(Glob("source", "*"))),
        catalog.live_ids(),
        catalog.matching(Glob("source", "*")),
        [catalog.named(name) for name in ("*", "old name.pdf", "plan.pdf", "secret/*", key("secret/plan.pdf"))],
        [(catalog.sources(digest), catalog.elements(digest), catalog.pages(digest)) for digest in digests],
        [catalog.neighbours(id, 3, 3) for id in every[:4] + every[-3:]],
    ]
    return repr(told)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_a_restricted_view_tells_nothing_of_other_sources(path: Path, restriction: Filter) -> None:
    view = Catalog(path, restriction)
    told = everything(view)
    for hidden in ("secret", "old name", "plan", "'red'", "project", *ids(SECRET)):
        assert hidden not in told, hidden
    for id in ids(SECRET):
        with pytest.raises(ValueError, match="no chunk"):
            view.resolve(id)
    view.close()


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_a_restricted_view_cannot_be_asked_for_more(path: Path, restriction: Filter) -> None:
    view = Catalog(path, restriction)
    visible = set(of(view))
    assert visible
    for where in (
        Eq("source", "secret/old name.pdf"), Eq("source", key("secret/old name.pdf")), Glob("source", "*old*"),
        Eq("label.project", "x"), Eq("label.team", "red"),
    ):  # fmt: skip
        assert view.matching(where) == set(), "not even whether a shared document has such a source"
        assert list(view.documents(where)) == []
    assert view.matching(Not(Eq("source", "x"))) == visible
    assert view.matching(Or((Eq("title", "The plan"), Not(Eq("title", "The plan"))))) == visible
    view.close()


def test_a_shared_document_is_shown_by_the_name_that_may_be_seen(path: Path) -> None:
    view = Catalog(path, Glob("source", "public/*"))
    (document,) = view.documents()
    assert [source.uri for source in document.sources] == ["public/report.pdf"]
    assert document.labels == (("team", "blue"),)
    chunk = view.chunks(ids(TWIN))[ids(TWIN)[0]]
    assert chunk.origin.source.uri == "public/report.pdf"
    assert chunk.origin.source.path == key("public/report.pdf")
    assert chunk.labels == (("team", "blue"),)
    assert [element.origin.source.uri for element in view.elements(TWIN.digest)] == ["public/report.pdf"] * 2
    view.close()


def test_a_view_of_some_pages(path: Path) -> None:
    view = Catalog(path, And((Eq("source", "long.pdf"), Range("page", 2, 3))))
    assert [chunk.text for chunk in view.chunks(ids(LONG)).values()] == [f"chunk {n}" for n in range(4, 12)]
    assert [page.number for page in view.pages(LONG.digest)] == [2, 3]
    assert len(view.elements(LONG.digest)) == 8
    assert [chunk.text for chunk in view.neighbours(ids(LONG)[4], 2, 1)] == ["chunk 5"]
    assert view.neighbours(ids(LONG)[3], 1, 1) == [], "what is hidden has no neighbours to see"
    assert view.counts() == {"documents": 1, "pages": 2, "elements": 8, "chunks": 8, "sources": 1, "vectors": 0}
    (document,) = view.documents()
    assert document.chunks == 8
    view.close()


def test_a_view_of_nothing(path: Path) -> None:
    for nothing in (Or(()), Eq("source", "none"), Eq("page", -1)):
        view = Catalog(path, nothing)
        assert set(view.counts().values()) == {0}
        assert of(view) == list(view.documents()) == view.pages(MIXED.digest) == []
        assert view.named("*") == {}
        view.close()


def test_a_view_of_everything_with_a_page(path: Path) -> None:
    view = Catalog(path, Range("page", None, None))
    assert view.counts()["chunks"] == 1207
    assert len(view.pages(LONG.digest)) == 300
    view.close()


@settings(max_examples=25, deadline=None)
@given(restriction=st.sampled_from(RESTRICTIONS), other=st.sampled_from([*RESTRICTIONS, Eq("page", 1)]))
def test_counts_are_of_what_is_told(path: Path, restriction: Filter, other: Filter) -> None:
    view = Catalog(path, And((restriction, other)))
    counts, documents = view.counts(), list(view.documents())
    assert counts["chunks"] == len(of(view)) == len(view.chunks([id for doc in (MIXED, LONG, TWIN) for id in ids(doc)]))
    assert counts["documents"] == len(documents)
    assert counts["sources"] == sum(len(one.sources) for one in documents)
    assert counts["chunks"] == sum(one.chunks for one in documents)
    view.close()


def test_vectors_are_counted_by_what_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    writer = Writer(path)
    encoder = writer.encoder("fake-1", "fake", 2)
    for doc in (SECRET, TWIN):
        ingested(writer, doc, vectors=encoder)
    writer.close()
    view = Catalog(path, Glob("source", "public/*"))
    assert view.counts()["vectors"] == 2
    assert Catalog(path).counts()["vectors"] == 3
    view.close()


@pytest.mark.parametrize("ask", ["media", "digests", "unfinished", "textual"])
def test_maintenance_needs_the_whole_corpus(path: Path, ask: str) -> None:
    view = Catalog(path, Eq("page", 1))
    with pytest.raises(CorpusError, match="restricted view"):
        getattr(view, ask)()
    with pytest.raises(CorpusError, match="restricted view"):
        view.encoded("text", "fake-1")
    view.close()


# --- threads and damage ------------------------------------------------------------------------------


def test_many_threads_share_one_catalog(catalog: Catalog) -> None:
    failed: list[BaseException] = []
    expected = catalog.chunks(ids(LONG)[:700])

    def read(number: int) -> None:
        try:
            for round in range(5):
                assert catalog.chunks(ids(LONG)[:700]) == expected
                assert len(catalog.neighbours(ids(LONG)[number * 7 + round + 2], 2, 2)) == 4
                assert len(list(catalog.documents())) == 4
                assert len(catalog.matching(Eq("page", number + 1))) >= 4
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_a_closed_catalog_says_so_to_every_thread(path: Path) -> None:
    catalog = Catalog(path)
    catalog.close()
    failed: list[str] = []

    def read() -> None:
        try:
            catalog.chunks(["a"])
        except CorpusError as error:
            failed.append(str(error))

    read()
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(10)
    assert len(failed) == 2, "no thread waits for a lock that nobody gives back"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE chunks SET body = '{'",
        "UPDATE chunks SET body = '[]'",
        "UPDATE chunks SET body = '{}'",
        "UPDATE chunks SET body = replace(body, 'PageRegion', 'Nonsense')",
        "UPDATE chunks SET body = x'ff'",
        "UPDATE sources SET labels = 'nonsense'",
        "UPDATE sources SET labels = '[1]'",
        "DELETE FROM sources",
        "DROP TABLE sources",
    ],
)
def test_damage_is_a_corpus_error(tmp_path: Path, sql: str) -> None:
    path = filled(tmp_path / "catalog.sqlite", SECRET)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()
    catalog = Catalog(path)
    with pytest.raises(CorpusError, match=r"catalog\.sqlite"):
        catalog.chunks(ids(SECRET))
    catalog.close()


@pytest.mark.parametrize(
    ("sql", "ask"),
    [
        ("UPDATE documents SET head = '3'", lambda catalog: list(catalog.documents())),
        ("UPDATE parts SET warnings = '{'", lambda catalog: list(catalog.documents())),
        ("UPDATE elements SET body = '{}'", lambda catalog: catalog.elements(SECRET.digest)),
        ("UPDATE pages SET body = 'x'", lambda catalog: catalog.pages(SECRET.digest)),
    ],
)
def test_other_damage_too(tmp_path: Path, sql: str, ask: object) -> None:
    path = filled(tmp_path / "catalog.sqlite", SECRET)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(sql)
        connection.commit()
    catalog = Catalog(path)
    with pytest.raises(CorpusError):
        ask(catalog)  # type: ignore[operator]
    catalog.close()


def test_a_document_is_plain_data(catalog: Catalog) -> None:
    one = next(catalog.documents())
    assert isinstance(one, Document)
    assert hash(one) == hash(next(catalog.documents()))
