"""Vectors from a server: OpenAI-compatible, Jina, Voyage or Cohere style embedding endpoints.

What is encoded is sent there: the words or pictures of the corpus at ingest, and each question. A corpus may
come from anybody and is opened without a second look, so its settings name a model and never an address:
that is the user's own, in the environment as ARGUS_EMBEDDINGS_BASE_URL, with ARGUS_EMBEDDINGS_KEY where the
server wants one, or given in Python as `net`.
"""

from __future__ import annotations

import os
import random
import time
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

from rag.answer import Query
from rag.document import Chunk, Modality
from rag.endpoints import Endpoint
from rag.errors import ConfigError
from rag.identity import combined, view_text
from rag.net import EndpointError, endpoint
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS

from .composed import composed, less
from .remote_styles import STYLES, Input, Part
from .seeing import checked, in_batches, seen, shown, stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    from rag.protocols import Dense

URL, KEY = "ARGUS_EMBEDDINGS_BASE_URL", "ARGUS_EMBEDDINGS_KEY"
MOST_BYTES = 16_000_000
"""Of words and pictures in a request, unless one input alone has more: 32 pages can have 100 MB, which none takes."""
_WORDS: frozenset[Modality] = frozenset({"text", "table", "image", "audio", "video"})
_PICTURES: frozenset[Modality] = frozenset({"image", "video"})


class Remote:
    """An Encoder behind an address: `view` "contextual" sends words, "pixels" sends pictures.

    `dim` is what the model gives (no call is made to find out); another length in an answer is an error.
    At most `batch` inputs and 16 MB a request; a request that may succeed later is sent up to `attempts` times.
    """

    name = "remote"

    def __init__(
        self,
        model: str,
        dim: int,
        *,
        style: Literal["openai", "jina", "voyage", "cohere"] = "openai",
        view: Literal["contextual", "pixels"] = "contextual",
        batch: int = 32,
        attempts: int = 4,
        timeout: float = 60.0,
        dpi: int = 144,
        max_pixels: int = PAGE_PIXELS,
        assets: Assets | None = None,
        net: Endpoint | None = None,
    ) -> None:
        checked(dtype="float32", batch=batch, max_pixels=max_pixels, dpi=dpi)
        if style not in STYLES:
            raise ValueError(f"style must be one of {', '.join(STYLES)}, got {style!r}")
        if view not in ("contextual", "pixels"):
            raise ValueError(f"view must be 'contextual' or 'pixels', got {view!r}")
        if not 1 <= dim < 10**6 or attempts < 1:
            raise ValueError("dim and attempts are at least 1")
        self.model = model
        self.dim = dim
        self.style = style
        self.view = view
        self.modalities = _PICTURES if view == "pixels" else _WORDS
        self.batch = batch
        self.attempts = attempts
        self.timeout = timeout
        self.dpi = dpi
        self.max_pixels = max_pixels
        self._assets = assets
        self._net = net
        self._sleep: Callable[[float], None] = time.sleep

    @property
    def fingerprint(self) -> str:
        """Model, style, view and limits, not the address; also fit for a file name."""
        rest = combined(self.model, self.dim, self.style, self.view, self.dpi, self.max_pixels)
        return f"remote.{rest[:24]}"

    def encode_queries(self, queries: Sequence[Query]) -> Dense:
        """Unit vectors (n, dim): words and pictures together, minus words taken away."""
        return less(self._encode(map(self._asked, queries), True), queries, self.encode_queries)

    def encode_chunks(self, chunks: Sequence[Chunk]) -> Dense:
        """Unit vectors (n, dim). SourceError if a picture cannot be drawn, EndpointError if the server fails."""
        return self._encode(map(self._stored, chunks), False)

    @cached_property
    def _server(self) -> Endpoint:
        if self._net is not None:
            return self._net
        if not (url := os.environ.get(URL, "")):
            raise ConfigError(
                f"the encoder {self.model!r} runs on a server: say where by the environment's {URL} "
                f"(and {KEY}, where it wants a key). Words, pictures and questions are sent there",
                key="model",
            )
        return endpoint(url, key=os.environ.get(KEY) or None, timeout=self.timeout)

    def _asked(self, query: Query) -> list[Part]:
        parts = [_image(one) for one in shown(self._assets, query, self.max_pixels, self.name)]
        return [*parts, ("text", query.text)] if query.text or not parts else parts

    def _stored(self, chunk: Chunk) -> list[Part]:
        if self.view == "contextual":
            return [("text", view_text(chunk, self.view))]
        return [_image(seen(stored(self._assets, self.name), chunk, self.dpi, self.max_pixels))]

    def _encode(self, inputs: Iterable[Input], asking: bool) -> Dense:
        """Vectors of the inputs, which are made as they are sent; where the server takes one part an input, the sum
        of its parts'."""
        import numpy as np

        style, parts = STYLES[self.style], list[int]()

        def sent() -> Iterator[Input]:
            for one in inputs:
                parts.append(1 if style.joint else len(one))
                yield from [one] if style.joint else ([part] for part in one)

        made = iter(in_batches(sent(), lambda _: 0, lambda some: self._run(some, asking), self.batch))
        if not parts:
            return np.zeros((0, self.dim), np.float32)
        if style.joint:
            return np.stack(list(made))
        return np.stack([composed([next(made) for _ in range(count)]) for count in parts])

    def _run(self, inputs: Sequence[Input], asking: bool) -> NDArray[np.float32]:
        import numpy as np

        return np.concatenate([
            self._vectors(self._posted(STYLES[self.style].body(self.model, some, asking)), len(some))
            for some in self._requests(inputs)
        ])  # fmt: skip

    def _requests(self, inputs: Sequence[Input]) -> Iterator[list[Input]]:
        """The inputs, as many at a time as a request holds; a picture alone where the server wants that."""
        alone, waiting, size = STYLES[self.style].alone, list[Input](), 0
        for one in inputs:
            bytes_ = sum(len(value) for _, value in one)
            apart = alone and any(kind == "image" for kind, _ in (*one, *(waiting[-1] if waiting else ())))
            if waiting and (apart or size + bytes_ > MOST_BYTES):
                yield waiting
                waiting, size = [], 0
            waiting.append(one)
            size += bytes_
        if waiting:
            yield waiting

    def _posted(self, body: dict[str, Any]) -> dict[str, Any]:
        attempt = 1
        while True:
            try:
                return self._server.post(STYLES[self.style].path, body)
            except EndpointError as error:
                if attempt == self.attempts or not error.may_retry:
                    raise
                # Full jitter (Brooker 2015), and never sooner than the server asks for.
                self._sleep(max(random.uniform(0, min(20.0, 0.5 * 2**attempt)), error.retry_after or 0.0))
            attempt += 1

    def _vectors(self, answer: dict[str, Any], count: int) -> NDArray[np.float32]:
        import numpy as np

        try:
            found = np.asarray(STYLES[self.style].found(answer), np.float32)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ConfigError(
                f"{self._server.origin} answered with no vectors of the style {self.style!r} ({error!r})", key="style"
            ) from error
        if found.shape != (count, self.dim) or not np.isfinite(found).all():
            raise ConfigError(
                f"{self._server.origin} answered with {found.shape} numbers for {count} inputs of dim={self.dim}; "
                f"say what {self.model!r} gives as dim",
                key="dim",
            )
        unit: NDArray[np.float32] = found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)
        return unit


def _image(picture: Pillow.Image) -> Part:
    out = BytesIO()
    picture.save(out, "PNG")
    return "image", f"data:image/png;base64,{b64encode(out.getvalue()).decode('ascii')}"
