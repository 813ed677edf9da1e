"""A document as it is read, words and pictures in turn, to one vector: the mean of its sections'.

Lee et al. 2024, "Unified Multi-Modal Interleaved Document Representation for Information Retrieval" (IDentIfy,
arXiv 2410.02729): a section is one sequence of its texts, tables (as text) and pictures, closed by a token of
its own; its vector e_i is the hidden state there. A document's is E = (1/n) sum_i e_i, a query's the hidden
state at its own end; the score is their similarity. The paper has no code; what follows is after its text.

Departures. The backbone is any vision-language checkpoint of a class that transformers has, run as it is, and
the closing token is the end token of its tokenizer: the paper trains both. All sections of a document count
(training there took four). A section with more words or pictures than fit is parted in reading order, and
each part counts as a section. A page's picture is read where nothing else of the page is known. Vectors are
unit vectors, so the similarity is the cosine; sections' are made unit before the mean too, unless
`unit_sections` is false. `retrievers/documents` and `retrievers/rerankers/sections` are what comes behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.errors import SourceError
from rag.identity import combined
from rag.protocols import Assets
from rag.sections import sections, without_drawn_pages
from rag.vlm import harmless, has_pixels

from .backbone import Backbone
from .composed import less
from .pooling import WEIGHTS, units, weighted
from .seeing import cut
from .windows import windows

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

    Read = tuple[str, list[Pillow.Image]]

Piece = tuple[str, Chunk | None]
"""Words, and the chunk whose picture stands before them."""


class Interleaved(Backbone):
    """An Encoder of whole documents (`unit` "document") or of their sections ("section").

    At ingest a unit's vector is kept with its first chunk, which a search then finds. A part of a section has at
    most `max_tokens` tokens of words and `max_images` pictures; `pooling` "last" is the paper's, the others
    are for checkpoints that were not trained so. For the rest see `backbone`.
    """

    name = "interleaved"
    modalities: frozenset[Modality] = frozenset({"text", "table", "image", "audio", "video"})

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        unit: Literal["document", "section"] = "document",
        pooling: Literal["last", "mean", "wmean", "cls"] = "last",
        unit_sections: bool = True,
        instruction: str = "",
        max_tokens: int = 1024,
        max_images: int = 4,
        dpi: int = 96,
        max_pixels: int = 448 * 448,
        batch: int = 1,
        device: str = "auto",
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        assets: Assets | None = None,
    ) -> None:
        super().__init__(
            model, revision, assets, dpi=dpi, max_pixels=max_pixels, batch=batch, device=device, dtype=dtype,
            max_tokens=max_tokens,
        )  # fmt: skip
        if unit not in ("document", "section"):
            raise ValueError(f"unit must be 'document' or 'section', got {unit!r}")
        if pooling not in WEIGHTS:
            raise ValueError(f"pooling must be one of {', '.join(WEIGHTS)}, got {pooling!r}")
        if max_images < 0:
            raise ValueError(f"max_images must be at least 0, got {max_images}")
        self.unit = self.view = unit
        self.pooling = pooling
        self.unit_sections = unit_sections
        self.instruction = instruction
        self.max_images = max_images

    @property
    def fingerprint(self) -> str:
        """Checkpoint, unit, pooling, prompt, limits and number type; also fit for a file name."""
        limits = self.max_tokens, self.max_images, self.dpi, self.max_pixels
        rest = combined(self.unit, self.pooling, self.unit_sections, self.instruction, *limits)
        return ".".join([self.name, self.checkpoint.digest[:16], rest[:12], self.dtype])

    def units(self, chunks: Sequence[Chunk]) -> list[list[Chunk]]:
        """Of the chunks of a document, in reading order, those that get a vector together; none for nothing to read."""
        read = [chunk for chunk in without_drawn_pages(chunks) if chunk.text or self._pictured(chunk)]
        return sections(read) if self.unit == "section" else [read] if read else []

    def encode_units(self, units: Sequence[Sequence[Chunk]]) -> Dense:
        """Unit vectors (n, dim) of documents or sections, each given by its chunks in reading order.

        A picture that is damaged is passed over where there is more to read. SourceError for one that is not
        to be had now (a file that moved), or where nothing can be read.
        """
        import numpy as np

        if not units:
            return np.zeros((0, self.dim), np.float32)
        with self._lock:  # tokens are counted before the first run: the model is opened once
            parted = [[part for section in sections(unit) for part in self._parts(section)] for unit in units]
            made = iter(self._vectors(self._read(part) for parts in parted for part in parts))
        return np.stack([merged([next(made) for _ in parts], self.unit_sections) for parts in parted])

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim), each chunk read as a section of its own."""
        return self.encode_units([[chunk] for chunk in chunks])

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim): pictures, then words, then the end; minus words taken away."""
        import numpy as np

        if not queries:
            return np.zeros((0, self.dim), np.float32)
        made = units(np.stack(self._vectors(self._asked(query) for query in queries)))
        return less(made, queries, self.encode_queries)

    # --- what is read -------------------------------------------------------------------------------------

    def _asked(self, query: Query) -> Read:
        pictures = self._shown(query)
        words = (query.instruction or self.instruction) + query.text
        return self._line(len(pictures)) + cut(self._model.tokenizer, self._safe(words), self.max_tokens), pictures

    def _parts(self, section: Sequence[Chunk]) -> Iterator[list[Piece]]:
        """The pieces of a section, as many at a time as fit, its headings first in each."""
        first = section[0]
        above = self._safe(" > ".join(first.headings) or first.title)
        above = cut(self._model.tokenizer, above, max(1, self.max_tokens // 4))
        room = max(1, self.max_tokens - self._tokens(above))
        part: list[Piece] = [(above, None)] if above else []
        words = pictures = 0
        for text, chunk in (piece for one in section for piece in self._pieces(one, room)):
            tokens, seen = self._tokens(text), chunk is not None
            if (words or pictures) and (words + tokens > room or pictures + seen > self.max_images):
                yield part
                part, words, pictures = part[: bool(above)], 0, 0
            part.append((text, chunk))
            words, pictures = words + tokens, pictures + seen
        yield part

    def _pieces(self, chunk: Chunk, room: int) -> Iterator[Piece]:
        """A chunk's picture and words; words that fit no part are cut into several pieces."""
        text = self._safe(chunk.text)
        pictured = chunk if self._pictured(chunk) else None
        if self._tokens(text) <= room:
            yield text, pictured
            return
        tokenizer = self._model.tokenizer
        for number, ids in enumerate(windows(tokenizer(text, add_special_tokens=False)["input_ids"], room)):
            yield str(tokenizer.decode(ids)), None if number else pictured

    def _pictured(self, chunk: Chunk) -> bool:
        """Whether a picture of the chunk is read: a table that is kept as text has none."""
        return self.max_images > 0 and has_pixels(chunk) and (chunk.media is not None or chunk.role == "page")

    def _read(self, part: Sequence[Piece]) -> Read:
        """What the model reads of a part: its lines in turn, a line for each picture."""
        text, pictures, passed = "", [], None
        for words, chunk in part:
            if chunk is not None:
                try:
                    pictures.append(self._seen(chunk))
                    text += self._line(1)
                except SourceError as error:
                    if error.kind not in ("damaged", "limit"):
                        raise
                    passed = error
            text += f"{words}\n" if words else ""
        if passed and not text:
            raise passed
        return text, pictures

    def _line(self, pictures: int) -> str:
        return f"{self._model.placeholder}\n" * pictures

    def _safe(self, text: str) -> str:
        return harmless(text, self._model.processor)

    def _tokens(self, text: str) -> int:
        return len(self._model.tokenizer(text, add_special_tokens=False)["input_ids"]) if text else 0

    # --- vectors ------------------------------------------------------------------------------------------

    def _vectors(self, inputs: Iterator[Read]) -> list[NDArray[np.float64]]:
        """(dim,) of each, as long as it comes out: the hidden state at the closing token, or another pooling."""
        return self._batched(inputs, lambda one: bool(one[1]), self._run)

    def _run(self, inputs: list[Read]) -> NDArray[np.float64]:
        end = str(self._model.tokenizer.eos_token or "")
        hidden, mask, _ = self._states([text + end or "\n" for text, _ in inputs], [pictures for _, pictures in inputs])
        return weighted(hidden, mask, self.pooling)


def merged(vectors: Sequence[NDArray[np.float64]], unit_sections: bool = True) -> NDArray[np.float32]:
    """E = (1/n) sum_i e_i of sections (dim,), of length 1; `unit_sections` makes each e_i of length 1 before."""
    import numpy as np

    stacked = np.stack(vectors).astype(np.float64)
    if unit_sections:
        stacked = units(stacked).astype(np.float64)
    mean: NDArray[np.float32] = units(stacked.mean(axis=0, keepdims=True))[0]
    return mean
