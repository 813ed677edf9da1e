"""Ingest: sources in, a live corpus out, one outcome a document.

Documents are committed in the order they were found, part by part, so that the same command gives
the same rows whether or not it was killed on the way. Parsing runs ahead in worker processes behind
bounded queues; encoding and writing happen here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Event

from rag.addresses import is_url
from rag.document import LabelValue, Source
from rag.errors import CorpusError, MissingExtra, SourceError
from rag.identity import file_digest
from rag.members import WITHIN, holder
from rag.protocols import ProgressCallback
from rag.report import Outcome, Problem, Report, Status, report
from rag.store.store import Store
from rag.store.writer import Writer

from .browser import rendered
from .build import Failed, build
from .composing import Compose
from .crawl.crawls import Crawls
from .encode import Encoding, encode_missing
from .ingest_options import Options
from .members import Containers, forget
from .prefetch import Job, Prefetch, Wanted
from .sources import Found, found
from .webpages import PAGES, WebPages, gone, nowhere

REPLAY_SECONDS = 10.0


class Ingest:
    """One ingest into a store; `cancel` stops after the part in hand, and a later run goes on there."""

    def __init__(
        self, store: Store, options: Options = Options(), progress: ProgressCallback | None = None,  # noqa: B008
        cancel: Event | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._options = options
        self._progress = progress or (lambda _: None)
        self._cancel = cancel or Event()
        self._warnings: list[str] = []
        self._encoding = Encoding(store, self._warn)
        net = rendered(options.net, options.render)
        self._web = WebPages(store, net, follow=options.linked_pdfs)
        self._containers = Containers(store, options.workers, options.limits, options.members)
        self._total = 0
        self._replayed = time.monotonic()
        how = self._cancel, self._warn, self._progress
        self._crawls = Crawls(store, options.crawl, net, options.linked_pdfs, *how)

    def run(self, names: Iterable[str | Path | tuple[str, bytes]]) -> Report:
        """Everything at once; `outcomes` gives them as they come."""
        started = time.monotonic()
        listed = list(self.outcomes(names))
        return report(listed, time.monotonic() - started, self._encoding.encoded, self._warnings)

    @property
    def warnings(self) -> Sequence[str]:
        """What concerns the whole run, said once."""
        return tuple(self._warnings)

    @property
    def embedded(self) -> int:
        """Views that were encoded in this run; those already known cost nothing."""
        return self._encoding.encoded

    def outcomes(self, names: Iterable[str | Path | tuple[str, bytes]]) -> Iterator[Outcome]:
        """The outcome of each document, in order, as soon as it is stored."""
        self._store.check_encoders()
        with self._store.writing() as writer:
            named, kept = self._split(names)
            files = [*kept, *found(named, self._store.folder)]
            try:
                if self._options.sync:
                    yield from self._synced(writer, named, files)
                yield from self._taken(writer, files)
            finally:
                self._containers.close()
                self._crawls.close()
            if any(one.view == "summary" for one in self._store.encoders.values()):
                Compose(self._store, progress=self._progress, warn=self._warn).compose(writer, missing=True)
            encode_missing(self._store, writer, self._encoding, self._progress)
        for index in self._store.vectors.values():
            if len(index) > getattr(index, "comfortable", len(index)):
                self._warn(f"{len(index)} vectors are many for this index; see: rag doctor")

    def _split(self, names: Iterable[str | Path | tuple[str, bytes]]) -> tuple[list[str], list[Found]]:
        """Paths, and named bytes kept in the corpus (they have no other place to be opened from)."""
        from rag.sniff import HEAD, TAIL, media_type

        paths: list[str] = []
        kept: list[Found] = []
        for one in names:
            if not isinstance(one, (str, Path, tuple)):
                raise TypeError(f"sources are paths, or (name, bytes); got {type(one).__name__}")
            if isinstance(one, tuple):
                name, data = one
                kind = media_type(name, data[:HEAD], data[-TAIL:]) or ""
                error = SourceError("unknown file type", source=name, kind="unsupported") if not kind else None
                error = error if data else SourceError("there are no bytes", source=name, kind="empty")
                path = self._store.assets.keep(data) if not error else Path(name)
                kept.append(Found(name, path, kind, error=error))
            else:
                paths.append(str(one))
        return paths, kept

    # --- deciding what each file needs ------------------------------------------------------------------

    def _taken(self, writer: Writer, files: Sequence[Found]) -> Iterator[Outcome]:
        decided = self._decided(writer, files)
        self._total = len(files)
        with Prefetch(self._store, writer, self._options.workers, self._options.limits) as prefetch:
            for number, item in enumerate(prefetch.ahead(decided)):
                shown = item.source if isinstance(item, Outcome) else item.wanted.found.uri
                self._progress({"stage": "ingest", "done": number, "total": self._total, "item": shown})
                if self._cancel.is_set():
                    break
                yield item if isinstance(item, Outcome) else self._built(writer, prefetch, item, number)
        if self._cancel.is_set():
            self._warn("cancelled; the same command goes on where this one stopped")

    def _decided(self, writer: Writer, files: Sequence[Found]) -> Iterator[Outcome | Wanted]:
        """For each file an outcome where nothing is to be derived, else what is wanted."""
        waiting = deque(files)
        started = time.monotonic()
        for one in self._ready(writer, waiting):
            outcome: Outcome | Wanted
            try:
                if self._containers.holds(one):
                    yield from self._contents(writer, one, waiting, started)
                    if self._store.loader(one.media_type) is None:
                        self._crawls.settled(one.url)
                        continue
                outcome = self._decide(writer, one, started)
            except SourceError as error:
                outcome = self._not_there(writer, one, error, started)
            except OSError as error:
                failure = SourceError(f"cannot read: {error.strerror}", source=one.uri)
                outcome = _failed(one.uri, failure, started)
            if isinstance(outcome, Outcome):
                self._crawls.settled(one.url)
            yield outcome
            started = time.monotonic()

    def _ready(self, writer: Writer, waiting: deque[Found]) -> Iterator[Found]:
        """The files, and what addresses gave: their bytes are kept, or `error` says why not."""
        seen = {one.url for one in waiting}
        while waiting:
            one = waiting.popleft()
            if not one.url:
                yield one
                continue
            if self._crawls:
                yield from self._crawls.found(writer, one)
                continue
            done = max(0, self._total - len(waiting) - 1)
            self._progress({"stage": "fetch", "done": done, "total": self._total, "item": one.uri})
            try:
                one = self._web.taken(writer, one)
            except SourceError as error:
                yield replace(one, error=error)
                continue
            linked = [link for link in self._web.links if link.url not in seen]
            seen.update(link.url for link in linked)
            waiting.extendleft(reversed(linked))
            yield one

    def _contents(self, writer: Writer, one: Found, waiting: deque[Found], started: float) -> Iterator[Outcome]:
        """Put the members of a container before what waits; outcomes of what concerns it as a whole."""
        key = self._key(one)
        done = max(0, self._total - len(waiting) - 1)
        self._progress({"stage": "open", "done": done, "total": self._total, "item": one.uri})
        opened = self._containers.opened(writer, one, key)
        waiting.extendleft(reversed(opened.members))
        self._total += len(opened.members)
        if opened.error and opened.error.kind == MissingExtra.__name__:
            yield Outcome(one.uri, "skipped", warnings=(opened.error.message,))
        elif opened.error:
            yield _failed(one.uri, opened.error, started)
        elif not opened.members and self._store.loader(one.media_type) is None:
            yield Outcome(one.uri, "skipped", warnings=("it holds no files",))
        if self._options.sync and not opened.error and (one.url or key.startswith("bytes:")):
            there = {each.member for each in opened.members}
            for known, (_, uri) in writer.keys().items():
                if known.startswith(key + WITHIN) and known not in there:
                    yield Outcome(uri, "removed", chunks=writer.remove(known))

    def _key(self, one: Found) -> str:
        if one.member or one.url:
            return one.member or one.url
        return f"bytes:{one.uri}" if self._inside(one) else str(one.path)

    def _inside(self, one: Found) -> bool:
        """Whether the bytes lie in the corpus, under their digest."""
        return self._store.assets.kept("0" * 64).parent.parent in one.path.parents

    def _not_there(self, writer: Writer, one: Found, error: SourceError, started: float) -> Outcome:
        """A failure; with `sync` a known address whose server says that nothing is there is removed."""
        if one.url and writer.source(one.url) is not None:
            if self._options.sync and gone(error, one):
                return Outcome(one.uri, "removed", chunks=writer.remove(one.url), warnings=(error.message,))
            why = f"{error.message}; what was read before is still found, until: rag remove {one.uri}"
            error = SourceError(why, source=error.source, kind=error.kind)
        return _failed(one.uri, error, started)

    def _decide(self, writer: Writer, one: Found, started: float) -> Outcome | Wanted:
        if one.error:
            raise one.error
        if one.skip:
            return Outcome(one.uri, "skipped", warnings=(one.skip,))
        loader = self._store.loader(one.media_type)
        if loader is None:
            return Outcome(one.uri, "skipped", warnings=(f"no loader takes {one.media_type}",))
        if self._options.pages and one.media_type == "application/pdf":
            loader = {**loader, "pages": self._options.pages}
        inside, key = self._inside(one), self._key(one)
        source = Source(one.uri, one.media_type, file_digest(one.path), "" if inside else str(one.path))
        if not inside and (self._options.keep or one.media_type in PAGES):
            # A page is kept since its places are paths in its markup: they must stay selectable.
            self._store.assets.keep(one.path.read_bytes())
        derivation = self._store.derivation(loader)
        known, live = writer.source(key), writer.derivation(source.digest)
        wanted = Wanted(key, one, source, loader, derivation)
        if live is None or (live != derivation and self._options.refresh):
            return wanted
        return self._known(writer, wanted, known, stale=live != derivation, started=started)

    def _known(
        self, writer: Writer, wanted: Wanted, known: tuple[str, str, dict[str, LabelValue]] | None, *,
        stale: bool, started: float,
    ) -> Outcome:  # fmt: skip
        """Bytes that are live already: unchanged, stale, renamed, or a second source of them."""
        pages, chunks = writer.size(wanted.source.digest)
        status: Status = "stale" if stale else "unchanged"
        warnings = ("made by an older loader or chunker; derive again with --refresh",) if stale else ()
        warnings = (*wanted.found.notes, *warnings)
        labels = self._labels(wanted.found, known)
        if known and known[0] == wanted.source.digest:
            if labels != known[2] or known[1] != wanted.source.uri:
                writer.add_source(wanted.key, wanted.source, labels)
        elif known:
            status = "updated"
            writer.add_source(wanted.key, wanted.source, labels)
        elif moved := self._moved_from(writer, wanted):
            status = "renamed"
            writer.rename(moved[0], wanted.key, wanted.source)
            warnings = (*warnings, f"was {moved[1]}")
            writer.set_labels(wanted.key, self._labels(wanted.found, writer.source(wanted.key)))
        else:
            status = "done"
            twin = next(iter(writer.keys(wanted.source.digest).values()), ("", ""))[1]
            writer.add_source(wanted.key, wanted.source, labels)
            warnings = (*warnings, f"same bytes as {twin}; nothing derived again")
        return Outcome(wanted.found.uri, status, pages, chunks, time.monotonic() - started, warnings)

    def _moved_from(self, writer: Writer, wanted: Wanted) -> tuple[str, str] | None:
        """(key, uri) of a file with these bytes that is no longer where it was."""
        for key, (_, uri) in writer.keys(wanted.source.digest).items():
            if nowhere(key) and (not holder(key) or self._containers.gone(key)):
                return key, uri
        return None

    def _labels(self, one: Found, known: tuple[str, str, dict[str, LabelValue]] | None) -> dict[str, LabelValue]:
        return {**(known[2] if known else {}), **one.labels, **self._options.labels}

    # --- deriving --------------------------------------------------------------------------------------

    def _built(self, writer: Writer, prefetch: Prefetch, job: Job, number: int) -> Outcome:
        wanted, started = job.wanted, time.monotonic()
        known = writer.source(wanted.key)
        if writer.derivation(wanted.source.digest) == wanted.derivation:  # a twin earlier in this run
            outcome = self._known(writer, wanted, known, stale=False, started=started)
            self._crawls.settled(wanted.key)
            return outcome

        def told(parts: int, pages: int, of: int) -> None:
            self._progress({
                "stage": "ingest", "done": number, "total": self._total, "item": wanted.found.uri, "parts": parts,
                "pages": pages, "of": of,
            })  # fmt: skip

        try:
            built = build(writer, job, self._encoding, told, self._cancel, lambda: prefetch.behind(job))
        except Failed as failure:
            if failure.problem.type != "cancelled":
                self._crawls.settled(wanted.key)
            if failure.problem.type == MissingExtra.__name__:  # nothing is wrong with the file
                return Outcome(wanted.found.uri, "skipped", warnings=(failure.problem.message,))
            return Outcome(wanted.found.uri, "failed", seconds=time.monotonic() - started, error=failure.problem)
        row = job.building.row
        pages, chunks, warnings = writer.told(row)
        warnings = [*wanted.found.notes, *warnings]
        writer.finish(
            row, wanted.key, wanted.source, self._labels(wanted.found, known), title=built["title"],
            language=built["language"], kept=self._store.assets.kept(wanted.source.digest).exists(),
        )  # fmt: skip
        self._crawls.settled(wanted.key)
        if time.monotonic() - self._replayed > REPLAY_SECONDS:  # so that readers see documents come
            self._store.replay()
            self._replayed = time.monotonic()
        self._encoding.tell_language(built["language"])
        if not chunks:
            warnings.append("nothing in it could be read as text or pictures")
        status: Status = "updated" if known else "done"
        return Outcome(wanted.found.uri, status, pages, chunks, time.monotonic() - started, tuple(warnings))

    # --- removing --------------------------------------------------------------------------------------

    def _synced(self, writer: Writer, named: Sequence[str], files: Sequence[Found]) -> Iterator[Outcome]:
        """Remove what is gone under the named folders."""
        folders = [Path(name) for name in named if not is_url(name)]
        containers = [one for one in files if not one.url and self._containers.holds(one)]
        opened = {str(one.path): self._containers.opened(writer, one, self._key(one)) for one in containers}
        missing = [str(one) for one in folders if not one.is_dir() and str(one.resolve()) not in opened]
        if missing:
            raise CorpusError(f"--sync needs folders that exist; {', '.join(missing)} is not one: nothing was removed")
        members = [one for each in opened.values() for one in each.members]
        there = {str(one.path) for one in files} | {one.member for one in members}
        known = writer.keys()
        under = [key for key in known if any(_lies_in(key, folder.resolve()) for folder in folders)]
        # What moved keeps its document: the taking of files will see it as renamed.
        taken = [one for one in (*files, *members) if not one.error and not one.skip]
        now = {self._key(one): one.path.name if one.member else _digest(one.path) for one in taken}
        digests = {digest for key, digest in now.items() if key not in known or known[key][0] != digest}
        gone = [
            key for key in under
            if key not in there and known[key][0] not in digests and holder(key) not in self._containers.open_failed
        ]  # fmt: skip
        if len(gone) * 2 > len(under) and not self._options.yes:
            raise CorpusError(
                f"--sync would remove {len(gone)} of {len(under)} documents under {', '.join(named)}; "
                "if that is right, say --yes"
            )
        for key in gone:
            chunks = writer.remove(key)
            if (outer := holder(key)) and outer not in there:
                forget(writer, outer)
            yield Outcome(known[key][1], "removed", chunks=chunks)

    def _warn(self, message: str) -> None:
        if message not in self._warnings:
            self._warnings.append(message)


def _lies_in(key: str, folder: Path) -> bool:
    """Whether a file lies under a folder, or a member in what is named."""
    return not key.startswith("bytes:") and (Path(key).is_relative_to(folder) or key.startswith(f"{folder}{WITHIN}"))


def _digest(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return ""


def _failed(uri: str, error: SourceError, started: float) -> Outcome:
    problem = Problem(error.kind, error.message, error.place or None)
    return Outcome(uri, "failed", seconds=time.monotonic() - started, error=problem)
