"""What encoders over a checkpoint of transformers have in common: how it is found, opened, fed and run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import cached_property
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rag.answer import Query
from rag.checkpoint import Checkpoint, broken, checkpoint
from rag.document import Chunk
from rag.errors import ConfigError, MissingExtra
from rag.own_code import digests, word
from rag.protocols import Assets
from rag.vlm import Head, Opened, opened, remote_code, whole

from .seeing import checked, in_batches, seen, shown, stored

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    States = tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]

In = TypeVar("In")
Out = TypeVar("Out")


class Backbone:
    """An encoder's checkpoint, and how it is run; the encoder itself adds what it reads and how it pools.

    `model` is a folder or a hub name in this machine's cache (nothing is fetched), pinned by `revision`.
    `dtype` float32 keeps a vector the same alone and in a batch to 1e-5; the two short types are for
    graphics cards. `code` names the checkpoint's own Python code that may be run, if the environment says so
    too (`rag.own_code`). `batch` inputs are read at once, pictures of at most `max_pixels` each. Making one
    opens nothing, its name and dimensions read a few kilobytes, and the model loads at first use.
    """

    name: str
    head: ClassVar[Head] = "states"
    not_native: ClassVar[str] = ""
    """A hub name, in lower case, whose weights come with Python code of their own: refused at once without `code`."""
    families: ClassVar[tuple[str, ...]] = ()
    """Model types that it knows; () for all that transformers opens."""
    family: ClassVar[str] = ""
    """What a checkpoint of another type is told."""

    def __init__(
        self, model: str, revision: str, assets: Assets | None, *, dpi: int, max_pixels: int, batch: int,
        device: str, dtype: str, max_tokens: int = 1, code: str = "",
    ) -> None:  # fmt: skip
        checked(dtype=dtype, batch=batch, max_pixels=max_pixels, dpi=dpi, max_tokens=max_tokens)
        digests(code)
        if model.lower() == self.not_native and not code:
            raise remote_code(model, "", _here(model, revision))
        self.model = model
        self.revision = revision
        self.dpi = dpi
        self.max_pixels = max_pixels
        self.batch = batch
        self.device = device
        self.dtype = dtype
        self.max_tokens = max_tokens
        self.code = code
        self._assets = assets
        self._lock = RLock()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint; ConfigError if it is not there, not as it must be, or of no family that is known."""
        found = checkpoint(self.model, self.revision)
        kind = found.config.get("model_type")
        if self.families and kind not in self.families:
            known = ", ".join(self.families)
            raise ConfigError(f"{self.model}: model_type {kind!r} {self.family.format(known=known)}", key="model")
        return found

    @cached_property
    def dim(self) -> int:
        """Dimensions of a vector: those of the language model."""
        return self.checkpoint.hidden_size

    def interface(self, model: Any) -> bool:
        """Whether a class of a checkpoint's own is called as the published weights are (`published`)."""
        return False

    def warm(self) -> None:
        """Load what a query needs, so that the first one does not wait."""
        self.encode_queries([Query(("warm",))])

    def encode_queries(self, queries: Sequence[Query]) -> Any:
        """The vectors of questions."""
        raise NotImplementedError

    @cached_property
    def _model(self) -> Opened:
        found = self.checkpoint
        if not self.code:
            return opened(found, self.head, self.device, self.dtype)
        model = opened(found, self.head, self.device, self.dtype, word(found, self.code, self.revision))
        if not self.interface(model.model):
            whole(self.model, model.processor)
        return model

    @cached_property
    def _published(self) -> bool:
        """Whether the model is the checkpoint's own class and called in its own way."""
        return bool(self.code) and self.interface(self._model.model)

    def _seen(self, chunk: Chunk) -> Pillow.Image:
        """A chunk's picture; SourceError if it is gone or damaged."""
        return seen(stored(self._assets, self.name), chunk, self.dpi, self.max_pixels)

    def _shown(self, query: Query) -> list[Pillow.Image]:
        """The pictures of a question."""
        return shown(self._assets, query, self.max_pixels, self.name)

    def _batched(
        self, items: Iterable[In], kind: Callable[[In], Hashable], run: Callable[[list[In]], Iterable[Out]]
    ) -> list[Out]:
        """`run` over a batch of one kind at a time; one model, one run at a time: memory stays bounded."""
        with self._lock:
            return in_batches(items, kind, run, self.batch)

    def _fed(self, read: Any) -> dict[str, Any]:
        """What a processor made, on the model's device; pictures come as float32, whatever the model's numbers are."""
        read = read.to(self._model.device)
        number = self._model.model.dtype
        return {key: one.to(number) if one.is_floating_point() else one for key, one in read.items()}

    def _states(self, texts: Sequence[str], pictures: Sequence[Sequence[Pillow.Image]]) -> States:
        """Last hidden states (n, tokens, dim), mask and token ids (n, tokens), padded on the right.

        All of the texts have pictures, or none: processors want them in each text of a batch, or in none.
        """
        import torch

        model = self._model
        given: dict[str, Any] = {"padding": True, "padding_side": "right", "return_tensors": "pt"}
        if pictures[0]:
            read = model.processor(text=list(texts), images=[list(one) for one in pictures], **given)
        else:
            read = model.tokenizer(list(texts), **given)
        fed = self._fed(read)
        with torch.inference_mode():
            hidden = model.model(**fed, use_cache=False).last_hidden_state
        mask = fed["attention_mask"]
        if hidden.shape[:2] != mask.shape:
            raise broken(self.model, f"{type(model.model).__name__} gives states of {tuple(hidden.shape[:2])} tokens "
                         f"for {tuple(mask.shape)} that it read, and cannot be pooled")  # fmt: skip
        return hidden.float().cpu().numpy(), mask.cpu().numpy(), fed["input_ids"].cpu().numpy()


def _here(model: str, revision: str) -> Checkpoint | None:
    """A checkpoint, if it is on this machine."""
    try:
        return checkpoint(model, revision)
    except (ConfigError, MissingExtra):
        return None
