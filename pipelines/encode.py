"""Encoding at ingest: each view once, whoever shares it, and the words about it said once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from rag.document import Chunk, Source
from rag.errors import MissingExtra, SourceError
from rag.identity import combined
from rag.protocols import EncodesUnits, ProgressCallback
from rag.sound import spoilt, unsound
from rag.store.rows import ChunkRow, PartRows, chunk_from
from rag.store.store import Store
from rag.store.writer import Writer

BATCH = 256
PICTURES = 16
"""Chunks between two commits where each is a picture, which takes seconds."""
TOGETHER = 16
"""A part with fewer new chunks is encoded together with some of the documents behind it, up to so many."""
Waiting = Callable[[], Iterable[tuple[Sequence[ChunkRow], Source]]]
"""Chunks of documents behind the one in hand that are parsed already."""


@dataclass(slots=True)
class _Channel:
    name: str
    encoder: Any
    row: int | None = None
    early: dict[str, Any] = field(default_factory=dict)
    """Vectors by view digest, made before their document's turn."""
    sound: bool = False
    """Whether it has made a vector in this run that holds numbers."""
    unsound: int = 0


class Encoding:
    """The encoders of a store, fed with chunks; without their packages the corpus has words alone."""

    def __init__(self, store: Store, warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._channels = [_Channel(name, encoder) for name, encoder in store.encoders.items()]
        self._languages: set[str] = set()
        self.encoded = 0

    def add_part(
        self, writer: Writer, document: int, part: PartRows, source: Source, waiting: Waiting = lambda: ()
    ) -> None:
        """Encode what is new in a part of a document, and store both in one transaction.

        A short part leaves processors idle: with an encoder for which each chunk is a request of its
        own (`alone`), chunks that are waiting go in with it. Their vectors are the same then, and are
        kept here until their document's turn; a kill costs at most `TOGETHER` of them.
        """
        vectors: dict[int, dict[str, Any]] = {}
        for channel in list(self._channels):
            sources = dict.fromkeys((chunk.id for chunk in part.chunks), source)
            made = self.vectors(writer, channel.name, part.chunks, sources, waiting)
            if made is not None:
                # Two channels may have one model, over other views: then they share its row.
                vectors.setdefault(made[0], {}).update(made[1])
        writer.add_part(document, part, vectors)

    def vectors(
        self, writer: Writer, name: str, chunks: Sequence[ChunkRow], sources: Mapping[str, Source],
        waiting: Waiting = lambda: (),
    ) -> tuple[int, dict[str, Any]] | None:  # fmt: skip
        """(encoder row, new vectors by view digest); None if that encoder is not to be had.

        `sources` are the chunks' own, by chunk id: a page is drawn from its source's bytes.
        """
        channel = self._channel(name)
        if channel is None:
            return None
        wanted = _wanted(channel, chunks)
        try:
            encoder = self._row(writer, channel)
            known = writer.known_vectors(encoder, list(wanted))
            fresh = {
                digest: chunk_from(row.body, sources[row.id]) for digest, row in wanted.items() if digest not in known
            }
            made = {digest: channel.early.pop(digest) for digest in fresh if digest in channel.early}
            rest = {digest: chunk for digest, chunk in fresh.items() if digest not in made}
            if rest:
                more = self._more(writer, channel, rest, waiting)
                told = self._encoded(channel, {**rest, **more})
                channel.early.update({digest: told.pop(digest) for digest in more if digest in told})
                made.update(told)
        except MissingExtra as missing:
            self._warn(f"no vectors are made, full-text search alone works: {missing}")
            self._channels.remove(channel)
            writer.set_meta(complete_mark(name), "")  # what is stored from now on waits for the encoder
            return None
        self.encoded += len(made)
        return encoder, made

    def _more(self, writer: Writer, channel: _Channel, rest: Mapping[str, Chunk], waiting: Waiting) -> dict[str, Chunk]:
        """Chunks of the documents behind to go in with these, by view digest."""
        room = TOGETHER - len(rest)
        if room <= 0 or channel.row is None or not getattr(channel.encoder, "alone", False):
            return {}
        if len(channel.early) > TOGETHER:  # of documents that failed after all
            channel.early.clear()
        rows = {
            digest: (row, source)
            for chunks, source in waiting() for digest, row in _wanted(channel, chunks).items()
            if digest not in rest and digest not in channel.early
        }  # fmt: skip
        rows = dict(islice(rows.items(), room))
        known = writer.known_vectors(channel.row, list(rows))
        return {digest: chunk_from(row.body, source) for digest, (row, source) in rows.items() if digest not in known}

    def units(
        self, writer: Writer, name: str, units: Mapping[str, Sequence[Chunk]]
    ) -> tuple[int, dict[str, Any]] | None:
        """(encoder row, new vectors by view digest) of units of a document; None if the encoder is not to be had."""
        channel = self._channel(name)
        if channel is None:
            return None
        try:
            encoder = self._row(writer, channel)
            known = writer.known_vectors(encoder, list(units))
            made = self._encoded(channel, {digest: one for digest, one in units.items() if digest not in known})
        except MissingExtra as missing:
            self._warn(f"no vectors of {name} are made: {missing}")
            self._channels.remove(channel)
            return None
        self.encoded += len(made)
        return encoder, made

    def _encoded(self, channel: _Channel, fresh: Mapping[str, Any]) -> dict[str, Any]:
        """Vectors by view digest; a chunk whose pixels are not to be had is told of and left out.

        So is one whose vector holds no numbers; ConfigError where no vector of this run holds any.
        """
        encoder = channel.encoder
        encode = encoder.encode_units if isinstance(encoder, EncodesUnits) else encoder.encode_chunks
        try:
            made = dict(zip(fresh, encode(list(fresh.values())), strict=True)) if fresh else {}
            if bad := unsound(list(made.values())):
                self._left_out(channel, made, bad)
            channel.sound |= bool(made)
            return made
        except SourceError as error:
            if len(fresh) == 1:
                self._warn(f"no vector by {channel.name}: {error}")
                return {}
        return {digest: one for key in fresh for digest, one in self._encoded(channel, {key: fresh[key]}).items()}

    def _left_out(self, channel: _Channel, made: dict[str, Any], rows: Sequence[int]) -> None:
        """Take the vectors in these rows out of `made`."""
        channel.unsound += len(rows)
        for digest in [list(made)[row] for row in rows]:
            del made[digest]
        if channel.unsound > 1 and not (channel.sound or made):
            raise spoilt(channel.encoder, "all that it is given")
        self._warn(f"{len(rows)} chunks have no vector by {channel.name}: {spoilt(channel.encoder, 'them')}")

    def _channel(self, name: str) -> _Channel | None:
        return next((one for one in self._channels if one.name == name), None)

    def _row(self, writer: Writer, channel: _Channel) -> int:
        """The catalog's row of its encoder, which is registered at first; MissingExtra without its packages."""
        if channel.row is None:
            encoder = channel.encoder
            if not getattr(encoder, "available", lambda: True)():
                raise MissingExtra(f"the encoder {channel.name}", "")
            writer.set_meta(f"encoder:{channel.name}", encoder.fingerprint)
            channel.row = writer.encoder(encoder.fingerprint, channel.name, encoder.dim)
        return channel.row

    def tell_language(self, language: str) -> None:
        """Say once a language that no encoder in use was made for."""
        if not language or language in self._languages:
            return
        self._languages.add(language)
        for channel in self._channels:
            spoken: frozenset[str] = getattr(channel.encoder, "languages", frozenset())
            if channel.encoder.view != "summary" and spoken and language not in spoken:
                self._warn(
                    f"some documents are in {language!r}, but the encoder {channel.name} reads "
                    f"{', '.join(sorted(spoken))}: for them full-text search weighs more"
                )


def _wanted(channel: _Channel, chunks: Iterable[ChunkRow]) -> dict[str, ChunkRow]:
    """By view digest the chunks that the encoder takes."""
    view, taken = channel.encoder.view, channel.encoder.modalities
    roles = getattr(channel.encoder, "roles", None)  # an encoder may be for photos alone
    return {
        digest: one for one in chunks if one.modality in taken and (roles is None or one.role in roles)
        for named, digest in one.views if named == view
    }  # fmt: skip


def encode_missing(store: Store, writer: Writer, encoding: Encoding, progress: ProgressCallback) -> int:
    """Encode stored chunks that an encoder has not seen, without parsing; how many there were."""
    total = 0
    for name, encoder in store.encoders.items():
        if isinstance(encoder, EncodesUnits):
            total += encode_units(store, writer, encoding, progress, name)
            continue
        mark = complete_mark(name)
        if store.catalog.meta(mark) == encoder.fingerprint:
            continue
        missing = writer.unencoded(encoder.view, encoder.fingerprint, sorted(encoder.modalities))
        step = PICTURES if encoder.view == "pixels" else BATCH
        for start in range(0, len(missing), step):
            progress({"stage": f"encode {name}", "done": start, "total": len(missing), "item": ""})
            rows = writer.chunk_rows(missing[start : start + step])
            stored = store.catalog.chunks([row.id for row in rows])
            made = encoding.vectors(writer, name, rows, {id: chunk.origin.source for id, chunk in stored.items()})
            if made is None:
                break
            writer.add_encoded(*made)
            total += len(made[1])
        else:
            # Also where nothing is missing now: a run that was killed here may have stored the last vectors.
            store.vectors[name].clear()
            writer.set_meta(f"encoder:{name}", encoder.fingerprint)  # another encoder, and no chunk for it yet
            writer.set_meta(mark, encoder.fingerprint)
    return total


def encode_units(store: Store, writer: Writer, encoding: Encoding, progress: ProgressCallback, name: str) -> int:
    """Documents of which no unit has a vector yet, by an encoder that reads units; one transaction a document.

    All documents are looked at once for an encoder, and again by `reindex`: a unit that could not be read then is
    tried anew.
    """
    encoder: Any = store.encoders[name]
    mark, total = complete_mark(name), 0
    seen = store.catalog.meta(mark) == encoder.fingerprint
    waiting = (
        store.catalog.without_units(encoder.view, encoder.fingerprint) if seen
        else [one.digest for one in store.catalog.documents()]
    )  # fmt: skip
    for done, digest in enumerate(waiting):
        progress({"stage": f"encode {name}", "done": done, "total": len(waiting), "item": ""})
        units = {unit_digest(encoder.view, one): one for one in encoder.units(store.catalog.document_chunks(digest))}
        made = encoding.units(writer, name, units)
        if made is None:
            break
        row, vectors = made
        known = vectors.keys() | writer.known_vectors(row, list(units))
        views = [(units[one][0].id, encoder.view, one) for one in units if one in known]
        if views:
            writer.add_encoded(row, vectors, views)
        total += len(vectors)
    else:
        if not seen:
            writer.set_meta(f"encoder:{name}", encoder.fingerprint)
            writer.set_meta(mark, encoder.fingerprint)
    return total


def unit_digest(view: str, chunks: Sequence[Chunk]) -> str:
    """The digest of a view of many chunks: which they are, and what stands above them."""
    return combined(view, [[chunk.id, chunk.headings, chunk.title] for chunk in chunks])


def complete_mark(name: str) -> str:
    """The catalog's mark for the fingerprint that has seen every stored chunk."""
    return f"complete:{name}"
