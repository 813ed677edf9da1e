"""The verbs: small protocols, always batched.

Law of batches: n queries in, n results out, in the same order. Law of scores: larger is better,
ties are broken by chunk id. Shapes stand in the docstrings.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, TypeVar, runtime_checkable

from rag.answer import Answer, Event, Hit, Query, Selection, Settings, Usage
from rag.document import Box, Chunk, Element, Labels, Media, Modality, Page, Part, Place, Source
from rag.filters import Filter
from rag.members import Member

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Dense: TypeAlias = NDArray[np.float32]
    """(n, dim), float32."""
    Ragged: TypeAlias = list[NDArray[np.float32]]
    """n arrays (tokens_i, dim): late interaction."""

V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)
Scored: TypeAlias = list[list[tuple[str, float]]]
"""For each query its (chunk id, score) pairs, best first."""


class Named(NamedTuple):
    """A document by its digest, its title, and the uri of one of its sources."""

    digest: str
    title: str
    uri: str


# --- services: a constructor parameter of one of these names is filled by the builder -----------


@runtime_checkable
class Assets(Protocol):
    """The bytes beside the catalog (service name `assets`)."""

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        """Keep bytes under `name` (64 hex digits; default their sha256); atomic, idempotent."""

    def open(self, media: Media) -> bytes:
        """The bytes; CorpusError if they are gone."""

    def crop(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        """The region as PNG; SourceError if the linked file changed or is gone."""


@runtime_checkable
class Catalog(Protocol):
    """The truth about what exists (service name `catalog`)."""

    def chunks(self, ids: Sequence[str]) -> dict[str, Chunk]:
        """The chunks that exist, by id; ids that are gone are left out. One transaction."""

    def matching(self, where: Filter) -> frozenset[str]:
        """Ids of the chunks that a filter admits."""

    def resolved(self, where: Filter) -> Filter | None:
        """The same by what `Index.add` is told, for an index that filters by itself; None: ask `matching`."""

    def neighbours(self, id: str, before: int, after: int) -> list[Chunk]:
        """The chunks around one in its document's reading order, itself left out."""

    def pages(self, digest: str) -> list[Page]:
        """The pages of a document, with their numbers and printed labels."""

    def elements(self, digest: str, page: int | None = None) -> list[Element]:
        """The elements of a document in reading order; with `page` those whose first place is on it."""

    def names(self, where: Filter | None = None) -> tuple[Named, ...]:
        """What the documents are called, in the order they were added, a line for each source."""


@runtime_checkable
class Lexicon(Protocol):
    """How rare a word is in the corpus (service name `lexicon`)."""

    def frequencies(self, words: Sequence[str]) -> tuple[dict[str, int], int]:
        """Chunks holding each word (as `rag.words.words` cuts them), and chunks in all."""


# --- reading ---------------------------------------------------------------------------------


class Loader(Protocol):
    """Turns a source into a stream of parts.

    `VERSION` goes up whenever the output for some input changes; `media_types` are those it takes.
    A loader that uses an injected model has a `fingerprint` too, which names the model in use, "" for
    none: installing one then makes documents stale.
    """

    VERSION: int
    media_types: tuple[str, ...]

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts from number `start` on, each equal to what a whole run would give."""


@runtime_checkable
class Renders(Protocol):
    """A capability of loaders whose sources have pixels."""

    def render(self, source: Source, place: Place, dpi: int) -> bytes:
        """The region as PNG; the whole page for a whole box."""


@runtime_checkable
class Holds(Protocol):
    """A capability of loaders whose sources hold documents of their own: archives, mails, web archives.

    A class may have it without `load`: then its sources are nothing but their members. Limits on their
    number, sizes and names are the caller's; what bounds the reading itself is the loader's.
    """

    VERSION: int
    media_types: tuple[str, ...]

    def members(self, source: Source) -> Iterator[Member]:
        """The members in the source's order; SourceError where the rest of it cannot be read."""


class TokenCounter(Protocol):
    """Counts tokens as the encoder in use does."""

    @property
    def limit(self) -> int:
        """The most tokens of one text that the encoder reads."""

    @property
    def fingerprint(self) -> str:
        """Names tokenizer and limit: chunks depend on it."""

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, special tokens left out."""


class Chunker(Protocol):
    """Cuts parts into chunks; carries over open sections and broken tables between parts.

    Ids and views come from `rag.identity.identified`. Called as a generator: the chunks that it
    yields before it pulls the next part belong to the parts pulled so far, and are the same in
    every run over the same parts.
    """

    VERSION: int

    def __call__(self, parts: Iterable[Part]) -> Iterator[Chunk]: ...


# --- finding ---------------------------------------------------------------------------------


class Encoder(Protocol[V_co]):
    """Texts or pixels to vectors.

    `fingerprint` holds weights, tokenizer, pooling, prompt, length and precision class, not the
    machine. An embedding is the same alone and in a batch, to 1e-5.
    """

    name: str
    dim: int
    modalities: frozenset[Modality]
    view: str

    @property
    def fingerprint(self) -> str: ...

    def encode_queries(self, queries: Sequence[Query]) -> V_co: ...

    def encode_chunks(self, chunks: Sequence[Chunk]) -> V_co: ...


@runtime_checkable
class EncodesUnits(Protocol[V_co]):
    """A capability of encoders: one vector of many chunks of a document that are read together.

    Its `view` is no view that a chunk has by itself; ingest calls it once all of a document is stored, and
    keeps each vector with the first chunk of its unit.
    """

    def units(self, chunks: Sequence[Chunk]) -> list[list[Chunk]]:
        """Of a document's chunks in reading order those that get a vector together."""

    def encode_units(self, units: Sequence[Sequence[Chunk]]) -> V_co: ...


class Index(Protocol[V]):
    """Ids, vectors and labels (`rag.store.resolving.lasting`): no chunks. Adding an id again replaces it."""

    def __len__(self) -> int: ...
    def add(self, ids: Sequence[str], vectors: V, labels: Sequence[Labels] = ()) -> None: ...
    def remove(self, ids: Sequence[str]) -> None: ...
    def vectors(self, ids: Sequence[str]) -> V: ...
    def search(self, queries: V, k: int, where: Filter | None = None) -> Scored: ...


class Derived(Protocol):
    """What the store asks of an index that lives beside the catalog.

    `generation` is the last outbox entry that the index holds; -1 when it must be rebuilt.
    """

    @property
    def generation(self) -> int: ...

    def commit(self, generation: int) -> None:
        """Make what was added and removed since the last commit durable, at that generation."""

    def clear(self) -> None: ...

    def remove(self, ids: Sequence[str]) -> None: ...

    def __len__(self) -> int: ...


class VectorIndex(Index["Dense"], Derived, Protocol):
    """A vector index that lives beside the catalog."""


class TokenIndex(Index["Ragged"], Derived, Protocol):
    """An index of token vectors, for encoders that say `ragged = True`."""


class TextIndex(Derived, Lexicon, Protocol):
    """Full text: a chunk's own words, and those above it (headings, title), which weigh less."""

    def add(self, ids: Sequence[str], texts: Sequence[str | tuple[str, ...]]) -> None: ...

    def search(self, queries: Sequence[Sequence[str]], k: int, where: Filter | None = None) -> Scored: ...


class Retriever(Protocol):
    """For each query at most k hits, best first."""

    def retrieve(self, queries: Sequence[Query], k: int) -> list[list[Hit]]: ...


class Scorer(Protocol):
    """Drops nothing."""

    @property
    def fingerprint(self) -> str: ...

    def score(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[float]]: ...


@runtime_checkable
class Costs(Protocol):
    """A capability of scorers that are dear: what each query took, seconds by stage and `calls` of a model;
    beside these `chance`, that of the list as for `Judges`, where a stage has judged it whole."""

    def scored(
        self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]
    ) -> tuple[list[list[float]], list[dict[str, float]]]: ...


@runtime_checkable
class Judges(Protocol):
    """A capability of scorers that judge a list as a whole: the chance 0..1 that it speaks of what is asked."""

    def judged(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> tuple[list[list[float]], list[float]]:
        """The scores as `score` gives them, and the chance of each list."""


class Reranker(Protocol):
    """Returns a permutation of each list."""

    def rerank(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[list[Hit]]: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a cutoff sees of a hit."""

    relevance: float
    tokens: int
    images: int = 0


Calibration: TypeAlias = Callable[[Sequence[float]], list[float]]
Cutoff: TypeAlias = Callable[[Sequence[Candidate]], int]
"""How many of the candidates (best first) to keep."""


class Selector(Protocol):
    """Calibrates, cuts, or refuses: adaptive top-k is here alone."""

    def select(self, queries: Sequence[Query], hits: Sequence[Sequence[Hit]]) -> list[Selection]: ...


class Compressor(Protocol):
    """Narrows places; never writes new text. `budget` is in tokens."""

    def compress(self, query: Query, selection: Selection, budget: int) -> Selection: ...


# --- answering -------------------------------------------------------------------------------


class Generator(Protocol):
    """Must accept an empty selection."""

    def generate(
        self, queries: Sequence[Query], selections: Sequence[Selection], settings: Settings
    ) -> list[Answer]: ...


class Computes(Protocol):
    """Answers what needs no text but arithmetic over the catalog; None leaves a query to the others."""

    def compute(self, queries: Sequence[Query]) -> list[Answer | None]: ...


@runtime_checkable
class Streams(Protocol):
    """A capability that a generator may add; cancelling the iterator stops the work."""

    def stream(self, query: Query, selection: Selection, settings: Settings) -> AsyncIterator[Event]: ...


# --- reading pixels and sound: injected where a room needs another room's work ------------------


@dataclass(frozen=True, slots=True)
class Recognised:
    """A line of text found in a picture, in fractions of the picture; `confidence` is 0 to 1.

    `words` are the boxes of the words that single spaces part in `text`: all of them, or none.
    `size` is that of its type as a share of the picture's height, 0 where the engine cannot tell.
    """

    text: str
    box: Box
    confidence: float
    words: tuple[Box, ...] = ()
    size: float = 0.0


class Recogniser(Protocol):
    """OCR. `fingerprint` names engine, weights and options, "" where none is installed."""

    @property
    def fingerprint(self) -> str: ...

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        """For each PNG or JPEG its lines, those that the engine doubts left out."""


class Transcriber(Protocol):
    """Speech: for each WAV its segments as (start s, end s, text)."""

    def transcribe(self, sounds: Sequence[bytes]) -> list[list[tuple[float, float, str]]]: ...


@dataclass(frozen=True, slots=True)
class Captioned:
    """What a Captioner made of one picture: its text, or "" and why there is none; and what it took."""

    text: str = ""
    error: str = ""
    usage: Usage = field(default_factory=Usage)


class Captioner(Protocol):
    """Describes pictures, so that they are found. One that fails costs no other.

    `fingerprint` names model, prompt and limits; `together` is how many it takes at once.
    """

    together: int

    @property
    def fingerprint(self) -> str: ...

    def caption(self, images: Sequence[bytes], contexts: Sequence[str]) -> list[Captioned]:
        """For each PNG or JPEG a description. A context are words beside it; without a picture (b"") they are all."""

    def estimate(self, images: Sequence[bytes], contexts: Sequence[str]) -> Usage:
        """What describing these would take, roughly; nothing is called."""

    def price(self, usage: Usage) -> float | None:
        """In the money that the user's settings are in; None where they name no price."""


PageCallback: TypeAlias = Callable[[int, int], None]
"""Called by a loader that takes long for a page, with the page that is done and how many there are."""
ProgressCallback: TypeAlias = Callable[[Mapping[str, object]], None]
