"""`rag.Corpus`: documents in, answers with evidence out, in three lines.

corpus = rag.Corpus("folder")
corpus.add("reports/")
answer = corpus.ask("What did revenue do in 2021?")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from threading import Event as CancelEvent
from typing import Any

from rag import registry
from rag.addresses import canonical, is_url
from rag.answer import Answer, Event, Hit, Query, Settings
from rag.asking import picture_of
from rag.config import Builder, Table
from rag.document import WORDED, Chunk, Element, LabelValue, Media, PageRegion, Source
from rag.errors import ConfigError, CorpusError
from rag.filters import Filter, all_of, check_labels
from rag.filters import where as parse_where
from rag.profile import load_profile, present
from rag.protocols import ProgressCallback
from rag.report import Outcome, Report
from rag.shown import Found, Shown
from rag.store.catalog import Document
from rag.store.store import Store

Where = Mapping[str, object] | Filter | None
Sources = str | Path | bytes | Iterable[str | Path | tuple[str, bytes]]


class Corpus:
    """A corpus on disk. It is made by the first `add`; opening one runs nothing.

    `profile` names how to search and answer: `local` (the default), `server`, `vision`, or a TOML
    file of the user's. A corpus opened with `restricted` sees what its filter admits, and nothing
    else, whatever the question's own filter says.
    """

    def __init__(self, folder: str | Path = ".rag", *, profile: str | Path = "local") -> None:
        self.folder = Path(folder)
        self._profile = profile
        self._restriction: Filter | None = None
        self._whole: Corpus | None = None

    def restricted(self, where: Where) -> Corpus:
        """A view of this corpus that sees only what the filter admits, here and in all it returns.

        It shares the encoders. How rare a word is remains that of the whole corpus, so ranks and
        scores may hint that a word is common elsewhere: where not even that may be known, use a
        corpus for each.
        """
        view = Corpus(self.folder, profile=self._profile)
        view._whole = self
        view._restriction = all_of([self._restriction, parse_where(where)])
        return view

    # --- documents ---------------------------------------------------------------------------------

    def add(
        self,
        sources: Sources,
        *,
        name: str = "",
        labels: Mapping[str, LabelValue] | None = None,
        refresh: bool = False,
        sync: bool = False,
        yes: bool = False,
        keep: bool = False,
        linked_pdfs: bool = False,
        pages: str = "",
        crawl: bool | Mapping[str, Any] = False,
        render: bool | Mapping[str, Any] = False,
        workers: int = 2,
        progress: ProgressCallback | None = None,
        cancel: CancelEvent | None = None,
    ) -> Report:
        """Ingest files, folders, globs, web addresses, bytes (with `name`), or an iterable of these.

        An address is fetched from the public internet alone, with the pictures of the page, and with
        `linked_pdfs` the PDFs of the same site that it links to. With `crawl` (True, or what
        `rag.pipelines.crawl.rules.Crawl` takes, such as `{"depth": 2, "max_pages": 50}`) also the pages
        of its site that it links to, as far as its robots.txt allows; nothing else is ever followed. With
        `render` (True, or what `rag.pipelines.browser.Rendering` takes) pages are taken as Chromium shows
        them once their scripts have run; its requests go the same way.
        `pages` ("1-20,35") takes those pages of PDFs alone.

        Unchanged documents cost nothing. A broken one is `failed` in the report and the others go
        on. `progress` is called with what is being done; setting `cancel` stops after the part in
        hand, and the same call goes on from there. See `rag add --help` for the options.
        """
        adding = self.adding(
            labels=labels or {}, refresh=refresh, sync=sync, yes=yes, keep=keep, linked_pdfs=linked_pdfs,
            pages=pages, crawl=_rules("pipelines/crawl", crawl), render=_rules("pipelines/rendering", render),
            workers=workers, progress=progress, cancel=cancel,
        )  # fmt: skip
        report: Report = adding.run(_named(sources, name))
        return report

    def adding(
        self, *, progress: ProgressCallback | None = None, cancel: CancelEvent | None = None, **options: Any
    ) -> Any:
        """The ingest itself (`rag.pipelines.ingest.Ingest`), for callers that want outcomes as they come."""
        if self._restriction is not None:
            raise CorpusError("a restricted view cannot be written; add to the corpus itself")
        store = Store(self.folder, create=True)
        self.__dict__["store"] = store
        self._forget()
        return registry.load("pipelines/ingest")(
            store, registry.load("pipelines/ingest_options")(**options), progress, cancel
        )

    def summarising(
        self, *, dry: bool = False, composed: bool = False, captioner: Any = None, **options: Any
    ) -> Any:  # fmt: skip
        """The stage that describes pictures and tables (`rag.pipelines.summarise.Summarise`), ready for `run`.

        `captioner` is that of the profile's table `captioner` unless one is given. A `dry` one, for `planned`,
        changes no settings of the corpus; else an encoder of summaries is added to them where there is none.
        With `composed` it is the stage that writes captions without a model (`rag.pipelines.composing.Compose`).
        """
        if self._restriction is not None:
            raise CorpusError("a restricted view cannot be written; summarise in the corpus itself")
        if captioner is None and not composed:
            if "captioner" not in self.profile:
                raise ConfigError(
                    f"the profile {str(self._profile)!r} names no model that describes pictures: use the profile "
                    "`server` or `vision`, or a TOML file with a table [captioner]", key="captioner",
                )  # fmt: skip
            captioner = self._build(self.profile["captioner"], "captioner")
        if not dry:
            self.__dict__["store"] = registry.load("pipelines/with_summaries")(self.store)
            self._forget()
        if composed:
            return registry.load("pipelines/compose")(self.store, **options)
        return registry.load("pipelines/summarise")(self.store, captioner, **options)

    def remove(self, source: str | Path) -> list[Outcome]:
        """Remove a source by its path, name or glob, with what lies in it; it is not found from now on."""
        with self.store.writing(timeout=10) as writer:
            matched = self._matched(source)
            return [Outcome(uri, "removed", chunks=writer.remove(key)) for key, uri in matched.items()]

    def label(self, source: str | Path, labels: Mapping[str, LabelValue | None]) -> list[str]:
        """Set labels on sources by path, name or glob; None takes one away. Returns the sources."""
        check_labels({name: value for name, value in labels.items() if value is not None})
        with self.store.writing(timeout=10) as writer:
            matched = self._matched(source)
            for key in matched:
                known = writer.source(key)
                merged = {**(known[2] if known else {}), **labels}
                writer.set_labels(key, {name: value for name, value in merged.items() if value is not None})
        return list(matched.values())

    def _matched(self, source: str | Path) -> dict[str, str]:
        """key -> uri of the sources that a path, name or glob means."""
        source = str(source)
        catalog = self.store.catalog
        other = _key(source) if is_url(source) else str(Path(source).resolve())
        matched = catalog.named(source) or catalog.keyed(other) or catalog.named(other)
        matched = {**matched, **(catalog.within(other) or catalog.within(source))}
        if not matched:
            raise CorpusError(f"no source in {self.folder} is called {source!r}; see: rag list")
        return matched

    def elements(self, source: str | Path, page: int | None = None) -> tuple[Source, list[Element]]:
        """A source by its path, name or glob, and its elements in reading order; with `page` those on that page."""
        uris = set(self._matched(source).values())
        seen = (one for document in self.documents() for one in document.sources if one.uri in uris)
        found = next(seen, None)
        if found is None:
            raise CorpusError(f"no source in {self.folder} is called {source!r}; see: rag list")
        elements = self.store.catalog.elements(found.digest)
        if page is None:
            return found, elements
        return found, [
            one for one in elements
            if any(isinstance(place, PageRegion) and place.page == page for place in one.origin.places)
        ]  # fmt: skip

    def documents(self, where: Where = None) -> list[Document]:
        """The documents, in the order they were added."""
        return list(self.store.catalog.documents(parse_where(where)))

    # --- finding and answering -----------------------------------------------------------------------

    def search(self, question: str | Query, *, k: int = 10, where: Where = None) -> list[Found]:
        """The best `k` chunks, each with its places; `.image()` draws one."""
        return [Found(self.store, hit) for hit in self.hits([_query(question, where)], k)[0]]

    def hits(self, queries: list[Query], k: int = 10) -> list[list[Hit]]:
        """The batched form of `search`: plain hits for each query."""
        self._look()
        found: list[list[Hit]] = self._search(queries, k)
        return found

    def explain(self, question: str | Query, *, k: int = 10, where: Where = None) -> list[dict[str, object]]:
        """Each stage's candidates, and why those were dropped that were."""
        self._look()
        told: list[dict[str, object]] = self._search.explain(_query(question, where), k)
        return told

    def ask(self, question: str | Query, *, where: Where = None, settings: Settings = Settings()) -> Shown:  # noqa: B008
        """An answer in which every sentence points at evidence, or a refusal with near misses."""
        return Shown(self.store, self.answers([_query(question, where)], settings)[0])

    def answers(self, queries: list[Query], settings: Settings = Settings()) -> list[Answer]:  # noqa: B008
        """The batched form of `ask`: plain answers, one for each query."""
        self._look()
        told: list[Answer] = self._ask(queries, settings)
        return told

    def select(self, question: str | Query, *, where: Where = None) -> list[Found]:
        """The evidence that an answer would rest on: as many pieces as fit, none if nothing does."""
        self._look()
        selection = self._ask.select([_query(question, where)])[0]
        return [Found(self.store, one.hit, one.number, one.relevance) for one in selection.evidence]

    async def aask(
        self, question: str | Query, *, where: Where = None, settings: Settings = Settings()  # noqa: B008
    ) -> Shown:  # fmt: skip
        """`ask` for asynchronous callers; the work runs in a thread."""
        import asyncio

        return await asyncio.to_thread(self.ask, question, where=where, settings=settings)

    def stream(
        self, question: str | Query, *, where: Where = None, settings: Settings = Settings()  # noqa: B008
    ) -> AsyncIterator[Event]:  # fmt: skip
        """Events: the evidence, then text, then checked claims, then the answer."""
        self._look()
        events: AsyncIterator[Event] = self._ask.stream(_query(question, where), settings)
        return events

    def show(self, id: str) -> Found:
        """A chunk by its id or the start of it."""
        return Found(self.store, Hit(self.store.catalog.resolve(id), 0.0, "id"))

    def neighbours(self, chunk: Chunk, before: int = 1, after: int = 1) -> list[Chunk]:
        """The chunks around one in its document."""
        return self.store.catalog.neighbours(chunk.id, before, after)

    def picture(self, given: str | Path | bytes, *, dpi: int = 200) -> Media:
        """A picture to ask with: a file, bytes, or a place of a source here as `SOURCE#page=3&box=l,t,r,b`.

        Put it into a question: `Query((corpus.picture("photo.jpg"), "at night"), minus=("people",))`. It is
        held in memory, nothing is written. SourceError for what is no picture, CorpusError for an unknown
        source, ValueError for a place that is none. A place of a page is drawn at `dpi`.
        """
        return picture_of(given, lambda name, place: self.store.seen.crop(self.elements(name)[0], place, dpi))

    # --- the parts --------------------------------------------------------------------------------------

    @cached_property
    def store(self) -> Store:
        """The folder, opened."""
        shared = self._whole.store.encoders if self._whole else None
        return Store(self.folder, restriction=self._restriction, encoders=shared)

    @cached_property
    def profile(self) -> dict[str, Any]:
        """The tables of the profile in use."""
        return load_profile(self._profile)

    @cached_property
    def retriever(self) -> Any:
        """The retriever in use: words alone where no encoder of the corpus runs here."""
        self.store.check_encoders()
        table = "retriever" if self._has_vectors else "words_only"
        self.__dict__["_worded"] = table == "words_only"
        return self._build(self.profile.get(table, self.profile["retriever"]), table)

    def retrieve_by(self, table: Table) -> None:
        """Search by this table from now on, in this object alone: the profile's own stays as it is on disk."""
        self.__dict__["profile"] = {**self.profile, "retriever": dict(table)}
        self._forget()

    @property
    def _has_vectors(self) -> bool:
        return any(len(index) for index in self.store.vectors.values())

    def _look(self) -> None:
        """Vectors may have come since, from another process: words alone are not for ever."""
        if self.__dict__.get("_worded") and self._has_vectors:
            self._forget()

    def warm(self) -> None:
        """Load what the first question needs, now rather than then."""
        for name, encoder in self.store.encoders.items():
            if len(self.store.vectors[name]) and hasattr(encoder, "warm"):
                encoder.warm()

    @cached_property
    def _search(self) -> Any:
        return registry.load("pipelines/search")(self.retriever)

    @cached_property
    def _ask(self) -> Any:
        selector = self._build(self.profile["selector"], "selector")
        generator = self._build(self.profile["generator"], "generator")
        computed = self._build(self.profile["computed"], "computed")
        depth = self.profile.get("ask", {}).get("depth", 30)
        narrows = self.profile.get("compressor")
        compressor = self._build(narrows, "compressor") if narrows else None
        return registry.load("pipelines/ask")(self.retriever, selector, generator, depth, compressor, computed)

    def describe(self) -> str:
        """The pipeline in use as a tree."""
        from rag.describe import describe

        return describe(self._ask, "ask")

    def built(self, table: Table, key: str = "") -> Any:
        """A component from a table as a profile has it, with this corpus' own parts and services."""
        return self._build(table, key)

    def _build(self, table: Table, key: str) -> Any:
        store = self.store
        services = {"assets": store.seen, "catalog": store.catalog, "counter": store.counter, "lexicon": store.text}
        parts: dict[str, Any] = {"text": store.text, "pages": store.pages}
        # `@encoder` is the first that reads words; one that looks, or reads summaries, where there is no other.
        worded_first = sorted(
            store.encoders.items(), key=lambda one: one[1].view not in WORDED or one[1].view == "summary"
        )
        for name, encoder in reversed(worded_first):
            parts.update({name: encoder, f"{name}.vectors": store.vectors[name]})
            parts.update({"encoder": encoder, "vectors": store.vectors[name]})
        for shared, view in (("pictures", "pixels"), ("summaries", "summary")):  # the first that looks, or reads them
            if first := next((name for name, one in store.encoders.items() if one.view == view), ""):
                parts.setdefault(shared, parts[first])
                parts.setdefault(f"{shared}.vectors", parts[f"{first}.vectors"])
        if "encoder" in parts and parts["encoder"].view in WORDED and len(parts["vectors"]):
            services["encoder"] = parts["encoder"]
        parts.update(self.profile.get("parts", {}))
        return Builder(services, parts, str(self._profile)).build(present(table, parts), key)

    def close(self) -> None:
        """Close its files and let go of its models; the next call opens them again."""
        self._forget()
        if store := self.__dict__.pop("store", None):
            store.close()

    def __enter__(self) -> Corpus:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _forget(self) -> None:
        """What was built over the store that was open before."""
        for name in ("retriever", "_search", "_ask", "_worded"):
            self.__dict__.pop(name, None)

    def __repr__(self) -> str:
        if not (self.folder / "catalog.sqlite").exists():
            return f"Corpus({str(self.folder)!r}, empty)"
        counts = self.store.catalog.counts()
        return f"Corpus({str(self.folder)!r}, {counts['documents']} documents, {counts['chunks']} chunks)"


def _key(url: str) -> str:
    try:
        return canonical(url)
    except ValueError:
        return url


def _query(question: str | Query, where: Where) -> Query:
    if isinstance(question, Query):
        return question
    if not isinstance(question, str):
        raise TypeError(f"a question is text or a Query, got {type(question).__name__}")
    return Query((question,) if question.strip() else (), where=parse_where(where))


def _rules(name: str, given: bool | Mapping[str, Any]) -> Any:
    """The rules of that name, None where they are not wanted."""
    return None if given is False else registry.load(name)(**({} if given is True else given))


def _named(sources: Sources, name: str) -> Iterator[str | Path | tuple[str, bytes]]:
    if isinstance(sources, bytes):
        if not name:
            raise ValueError("bytes need a name, such as name='report.pdf'")
        yield name, sources
    elif isinstance(sources, (str, Path)):
        yield sources
    else:
        yield from sources
