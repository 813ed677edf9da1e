"""From a source to the rows of its document: what a worker process does for one document.

Messages are plain JSON values, because they come out of a process that parsed hostile input.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rag.config import Builder
from rag.document import Chunk, Part, Place, Source
from rag.errors import RagError, SourceError
from rag.identity import file_digest
from rag.protocols import PageCallback
from rag.serialise import from_plain, to_plain
from rag.store.assets import FolderAssets
from rag.store.rows import part_rows
from rag.words import WordCounter

from .opening import Message, members

LANGUAGE_SAMPLE = 4000
TELL_SECONDS = 0.5
"""Between two words of how far a loader is."""
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = frozenset(
    "the of and to in is that for with was are on as by this it be at from or which have has an not were".split()
)


def answer(
    request: Mapping[str, Any], replay: Iterable[Part] = (), tell: Callable[[Message], object] = lambda _: None
) -> Iterator[Message]:
    """The messages for one request: parts and an end, a render, or an error as the last.

    `tell` is given messages while a part is being made: of the kind `page` now and then, how far its loader is, and
    of the kind `at` before each page, so that what ends this process at a page can be told.
    """
    source = from_plain(Source, request["source"])
    try:
        if request["op"] == "render":
            yield {"kind": "render", "png": _render(request, source).hex()}
        elif request["op"] == "members":
            yield from members(request, source, _builder(request))
        else:
            yield from _derive(request, source, list(replay), tell)
    except SourceError as error:
        yield _problem(error.kind, error.message, error.place)
    except RagError as error:
        yield _problem(type(error).__name__, str(error))
    except MemoryError:
        yield _problem("limit", "ran out of the memory that one document may use")
    except Exception as error:  # a parser's surprise costs this document alone
        yield _problem("damaged", f"{type(error).__name__}: {str(error)[:500]}")


def _problem(kind: str, message: str, place: str = "") -> Message:
    return {"kind": "error", "error": {"type": kind, "message": message, "place": place or None}}


def _builder(request: Mapping[str, Any], tell: Callable[[Message], object] = lambda _: None) -> Builder:
    counter = Builder().build(request["counter"]).counter if request.get("counter") else WordCounter()
    assets = FolderAssets(Path(request["folder"]))
    at = partial(_at, tell)
    return Builder({"assets": assets, "counter": counter, "progress": _paced(tell), "reading": at})


def _at(tell: Callable[[Message], object], page: int, pages: int) -> None:
    tell({"kind": "at", "page": page, "of": pages})


def _paced(tell: Callable[[Message], object]) -> PageCallback:
    """Tells of pages now and then: most take milliseconds."""
    last = time.monotonic()

    def page(done: int, pages: int) -> None:
        nonlocal last
        if time.monotonic() - last >= TELL_SECONDS:
            last = time.monotonic()
            tell({"kind": "page", "page": done, "of": pages})

    return page


def _derive(
    request: Mapping[str, Any], source: Source, replay: list[Part], tell: Callable[[Message], object]
) -> Iterator[Message]:
    builder = _builder(request, tell)
    loader, chunker = builder.build(request["loader"]), builder.build(request["chunker"])
    tap = _Tap(source, replay, loader.load(source, start=len(replay)))
    for chunk in chunker(tap.parts()):
        tap.chunks.append(chunk)
        yield from tap.ready()
    tap.flush()
    yield from tap.ready()
    if not _unchanged(source):  # else other words would stand under these bytes for ever
        raise SourceError("the file changed while it was read; add it again", source=source.uri, kind="changed")
    yield {"kind": "end", "title": tap.title, "language": language(tap.sample)}


def _unchanged(source: Source) -> bool:
    try:
        return file_digest(source.path) == source.digest
    except OSError:
        return False


class _Tap:
    """Between loader and chunker: which chunks came while which part was the last one pulled.

    The chunks that the chunker yields before it pulls part n + 1 are stored with part n. On a
    resumed document the stored parts run through the chunker again, and what they give is dropped,
    since it is stored already: so the chunker's memory is the same as in an uninterrupted run.
    """

    def __init__(self, source: Source, replay: list[Part], fresh: Iterator[Part]) -> None:
        self._source = source
        self.chunks: list[Chunk] = []
        self.title = ""
        self.sample = ""
        self._replay = replay
        self._fresh = fresh
        self._stored = len(replay)
        self._last: Part | None = None
        self._ready: list[Message] = []

    def parts(self) -> Iterator[Part]:
        for source in (self._replay, self._fresh):
            for part in source:
                self.flush()
                self._last = part
                self.title = part.head.title
                if len(self.sample) < LANGUAGE_SAMPLE:
                    self.sample += " ".join(one.text for one in part.elements if one.modality == "text")
                yield replace(part, source=self._source)

    def flush(self) -> None:
        """The last part is complete: nothing more will be cut from what was pulled so far."""
        if self._last is not None and self._last.number >= self._stored:
            self._ready.append({"kind": "part", "part": to_plain(part_rows(self._last, self.chunks))})
        self._last = None
        self.chunks = []

    def ready(self) -> Iterator[Message]:
        while self._ready:
            yield self._ready.pop(0)


def language(sample: str) -> str:
    """ISO 639-1 code of a text's language by py3langid; "" for too little text to tell."""
    if sum(letter.isalpha() for letter in sample) < 40:
        return ""
    if _plainly_english(sample[:LANGUAGE_SAMPLE]):
        return "en"
    import py3langid

    return str(py3langid.classify(sample[:LANGUAGE_SAMPLE])[0])


def _plainly_english(sample: str) -> bool:
    """Whether a text is English beyond doubt: each worker is spared 0.6 s of loading py3langid's model.

    By its function words: "the" alone tells English from its neighbours, and so few letters beyond ASCII leave no
    room for another language beside it. What is in doubt is left to the model.
    """
    found = _WORD.findall(sample.lower())
    letters = sum(letter.isalpha() for letter in sample)
    known = sum(word in _ENGLISH for word in found)
    plain = sum(letter.isascii() for letter in sample if letter.isalpha()) >= 0.97 * letters
    return plain and len(found) >= 30 and found.count("the") >= 0.03 * len(found) and known >= 0.22 * len(found)


def _render(request: Mapping[str, Any], source: Source) -> bytes:
    loader = _builder(request).build(request["loader"])
    place: Place = from_plain(Place, request["place"])  # type: ignore[arg-type]
    png: bytes = loader.render(source, place, request["dpi"])
    return png
