"""The calling interfaces of published weights whose class is code of their own: VisRAG-Ret and MM-Embed.

Used where the user has allowed that code (`rag.own_code`) and the class has such an interface; how a text and a
picture are put together is then that code's. Taken from the code and the cards of openbmb/VisRAG-Ret and
nvidia/MM-Embed:

- VisRAG-Ret: `model(text=[...], image=[... or None], tokenizer=tokenizer)` gives `last_hidden_state` and
  `attention_mask`. A page is its picture and the text "", a question is the instruction and its words.
- MM-Embed: `model.encode([{"txt": ..., "img": ...}], is_query=..., instruction=..., max_length=4096)` gives the
  vectors as `hidden_states`, not yet of length 1. The instruction is left out of the pooling there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.checkpoint import broken
from rag.errors import ConfigError, RagError
from rag.vlm import Opened, harmless

from .pooling import units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

MOST_TOKENS = 4096
"""Of an input of MM-Embed, as on its card."""
_MARKS = ("<image>", "<text>", "\nQuery: ")
"""What MM-Embed's code looks for in the words themselves: its places for picture and text, the instruction's end."""


@dataclass(frozen=True)
class Input:
    """A question or a document for MM-Embed's `encode`."""

    words: str
    picture: Pillow.Image | None
    query: bool = False
    instruction: str | None = None

    @property
    def kind(self) -> tuple[bool, bool, str | None]:
        """What all inputs of one batch have in common."""
        return self.picture is not None, self.query, self.instruction


def reads_pages(model: Any) -> bool:
    """Whether a model is called as VisRAG-Ret is."""
    return {"text", "image", "tokenizer"} <= _parameters(model.forward)


def embeds(model: Any) -> bool:
    """Whether a model encodes as MM-Embed does."""
    encode = getattr(model, "encode", None)
    return callable(encode) and {"is_query", "instruction", "max_length"} <= _parameters(encode)


def only(pictures: Sequence[Pillow.Image], model: str) -> Pillow.Image | None:
    """The one picture that an input may have; ValueError for more."""
    if len(pictures) > 1:
        raise ValueError(f"{model} reads one picture with a text, got {len(pictures)}: ask with one")
    return pictures[0] if pictures else None


def page_states(
    model: Opened, texts: Sequence[str], pictures: Sequence[Pillow.Image | None], name: str
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Last hidden states (n, tokens, dim) and their mask (n, tokens), by VisRAG-Ret's interface."""
    import torch

    with _calling(name, model), torch.inference_mode():
        told = model.model(text=list(texts), image=list(pictures), tokenizer=model.tokenizer)
    hidden, mask = getattr(told, "last_hidden_state", None), getattr(told, "attention_mask", None)
    if hidden is None or mask is None or hidden.shape[:2] != mask.shape or len(mask) != len(texts):
        raise broken(name, f"its own code ({type(model.model).__name__}) gives no last_hidden_state (n, tokens, dim) "
                     "with an attention_mask (n, tokens), as that of VisRAG-Ret does")  # fmt: skip
    return hidden.float().cpu().numpy(), mask.long().cpu().numpy()


def embedded(model: Opened, inputs: Sequence[Input], dim: int, name: str) -> NDArray[np.float32]:
    """(n, dim) unit vectors of inputs of one kind, by MM-Embed's interface."""
    import numpy as np
    import torch

    given = [{"txt": one.words} if one.picture is None else {"txt": one.words, "img": one.picture} for one in inputs]
    first = inputs[0]
    with _calling(name, model), torch.inference_mode():
        told = model.model.encode(given, is_query=first.query, instruction=first.instruction, max_length=MOST_TOKENS)
        vectors = told["hidden_states"]
    if tuple(vectors.shape) != (len(inputs), dim):
        raise broken(name, f"its own code ({type(model.model).__name__}) gives vectors of {tuple(vectors.shape)}, "
                     f"expected {(len(inputs), dim)} as MM-Embed gives them")  # fmt: skip
    return units(vectors.float().cpu().numpy().astype(np.float64))


def plain(text: str, processor: Any) -> str:
    """Words in which MM-Embed's code finds none of its marks, nor a control token."""
    text = harmless(text, processor)
    for mark in _MARKS:
        while mark in text:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}" if mark.startswith("<") else "\nQuery:\n")
    return text


@contextmanager
def _calling(name: str, model: Opened) -> Iterator[None]:
    """What the checkpoint's own code raises, in words that help."""
    try:
        yield
    except (MemoryError, RagError):
        raise
    except Exception as error:  # it is anybody's code
        from transformers import __version__

        what = " ".join(str(error).split())[:300]
        raise ConfigError(
            f"{name}: its own code ({type(model.model).__name__}) failed: {type(error).__name__}: {what}. It may have "
            f"been written for another version of transformers than {__version__}; a file that you mend has another "
            "digest",
            key="code",
        ) from error


def _parameters(function: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(function).parameters)
