"""The facade: `rag.Corpus`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rag.corpus import Corpus
from rag.document import Box, PageRegion
from rag.errors import CorpusError, SourceError
from tests.golden import images, pdfs
from tests.pipelines.conftest import hashed  # noqa: F401


@pytest.fixture
def filled(hashed: Path) -> Corpus:  # noqa: F811
    corpus = Corpus(hashed)
    corpus.add([("gauge.txt", b"The rain gauge stands on the roof of the school.")], workers=0)
    return corpus


def test_vectors_that_come_later_are_used(hashed: Path) -> None:  # noqa: F811
    Corpus(hashed).add([("blank.txt", b"  \n")], workers=0)
    early = Corpus(hashed)
    assert early.search("rain gauge") == []
    Corpus(hashed).add([("gauge.txt", b"The rain gauge stands on the roof of the school.")], workers=0)
    assert set(early.search("rain gauge")[0].hit.parts) == {"dense", "lexical"}


@pytest.mark.parametrize("question", [None, 5, b"rain"])
def test_a_question_is_text(filled: Corpus, question: object) -> None:
    for method in (filled.search, filled.ask, filled.explain):
        with pytest.raises(TypeError, match="a question is text or a Query"):
            method(question)  # type: ignore[operator]


@pytest.mark.parametrize("given", [[5], [b"raw"], [None]])
def test_a_source_is_a_path_or_named_bytes(hashed: Path, given: list[object]) -> None:  # noqa: F811
    with pytest.raises(TypeError, match="sources are paths"):
        Corpus(hashed).add(given, workers=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("question", ["", "\0", "\ud800", "x" * 100_000, 'title:(a AND "b', "降水量", "😀"])
def test_every_text_is_a_question(filled: Corpus, question: str) -> None:
    filled.search(question)
    filled.explain(question)
    assert filled.ask(question).abstained


def test_a_view_tells_nothing_of_what_it_does_not_admit(hashed: Path) -> None:  # noqa: F811
    corpus = Corpus(hashed)
    corpus.add([("open.txt", b"The gauge is on the roof.")], labels={"team": "open"}, workers=0)
    corpus.add([("secret.txt", b"The zeppelin leaves at midnight.")], labels={"team": "closed"}, workers=0)
    secret = next(one.chunk for one in corpus.search("zeppelin") if one.source == "secret.txt")
    view = corpus.restricted({"label.team": "open"})
    told = [
        [one.source for one in view.search("zeppelin midnight", k=50)], view.explain("zeppelin midnight"),
        view.ask("When does the zeppelin leave?").to_json(), view.documents(), repr(view),
        view.neighbours(secret, 3, 3), [one.source for one in view.search("leaves", where={"label.team": "closed"})],
    ]  # fmt: skip
    assert not any(word in repr(told) for word in ("secret.txt", "midnight.", secret.id))
    with pytest.raises(ValueError, match="no chunk"):
        view.show(secret.id)


def test_a_view_opens_no_picture_that_it_does_not_admit(hashed: Path) -> None:  # noqa: F811
    corpus = Corpus(hashed)
    photos = [("open.png", images.png(90, 90)), ("closed.png", images.png(91, 91))]
    corpus.add([("pages.pdf", pdfs.many_pages(20))], keep=True, workers=0)
    corpus.add(photos, workers=0)
    view = corpus.restricted({"source": "open.png"})
    first = corpus.restricted({"source": "pages.pdf", "page": 1})
    media, source = {}, {}
    for document in corpus.documents():
        source[document.sources[0].uri] = document.sources[0]
        shown = [one.media for one in corpus.store.catalog.elements(document.digest) if one.media]
        media[document.sources[0].uri] = shown[0] if shown else None
    page = PageRegion(1, Box(0, 0, 1, 1))
    seen = view.store.seen
    assert media["open.png"]
    assert media["closed.png"]
    assert seen.open(media["open.png"])
    assert seen.crop(source["open.png"], page)
    with pytest.raises(CorpusError, match="is missing"):
        seen.open(media["closed.png"])
    for hidden in ("closed.png", "pages.pdf"):
        with pytest.raises(SourceError, match="no such page"):
            seen.crop(source[hidden], page)
    assert first.store.seen.crop(source["pages.pdf"], page)
    with pytest.raises(SourceError, match="no such page"):
        first.store.seen.crop(source["pages.pdf"], replace(page, page=20))
    with pytest.raises(CorpusError, match="cannot be written"):
        seen.put(b"x", "image/png")


def test_views_share_the_encoders(filled: Corpus) -> None:
    view = filled.restricted({"source": "*"})
    assert view.store.encoders["hash"] is filled.store.encoders["hash"]
    assert view.restricted({"page": 1}).store.encoders["hash"] is filled.store.encoders["hash"]


def test_a_closed_corpus_holds_no_connection_and_opens_again(filled: Corpus) -> None:
    with filled as corpus:
        store = corpus.store
        assert corpus.search("rain gauge")
    with pytest.raises(CorpusError, match="closed"):
        store.catalog.counts()
    assert corpus.search("rain gauge")
