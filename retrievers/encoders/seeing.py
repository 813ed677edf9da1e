"""What encoders that look have in common: pictures of chunks and questions, words cut, batches of a kind."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from rag.answer import Query
from rag.document import Chunk, Media
from rag.errors import ConfigError
from rag.protocols import Assets
from rag.vlm import picture, pixels

if TYPE_CHECKING:
    from PIL import Image as Pillow

In = TypeVar("In")
Out = TypeVar("Out")
DTYPES = ("float32", "bfloat16", "float16")


def checked(*, dtype: str, batch: int, max_pixels: int, dpi: int = 200, max_tokens: int = 1) -> None:
    """ValueError for options that no encoder of pictures can have."""
    if dtype not in DTYPES:
        raise ValueError(f"dtype must be float32, bfloat16 or float16, got {dtype!r}")
    if not 36 <= dpi <= 600:
        raise ValueError(f"dpi must be 36 to 600, got {dpi}")
    if min(max_tokens, batch) < 1 or max_pixels < 1024:
        raise ValueError("max_tokens and batch are at least 1, max_pixels at least 1024")


def stored(assets: Assets | None, component: str) -> Assets:
    """The assets; ConfigError where an encoder was made without them."""
    if assets is None:
        raise ConfigError(f"retrievers/encoders/{component} reads pixels from `assets`: give it assets=...")
    return assets


def seen(assets: Assets, chunk: Chunk, dpi: int, max_pixels: int) -> Pillow.Image:
    """A chunk's picture as RGB; SourceError if it is gone or damaged."""
    return picture(pixels(assets, chunk, dpi), max_pixels, chunk.origin.source.uri)


def shown(assets: Assets | None, query: Query, max_pixels: int, component: str) -> list[Pillow.Image]:
    """The pictures of a question, in its order."""
    media = [part for part in query.parts if isinstance(part, Media)]
    if not media:
        return []
    kept = stored(assets, component)
    return [picture(kept.open(one), max_pixels, "the picture of the question") for one in media]


def cut(tokenizer: Any, text: str, limit: int) -> str:
    """The text within `limit` tokens, special tokens left out."""
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    return text if len(ids) <= limit else str(tokenizer.decode(ids[:limit]))


def in_batches(
    items: Iterable[In], kind: Callable[[In], Hashable], run: Callable[[list[In]], Iterable[Out]], size: int
) -> list[Out]:
    """`run` over at most `size` items of one kind at a time; the results in the order of the items.

    Items are taken from the iterable as they are needed: at most `size` of each kind wait.
    """
    made: dict[int, Out] = {}
    waiting: dict[Hashable, list[tuple[int, In]]] = {}

    def flush(alike: list[tuple[int, In]]) -> None:
        made.update(zip((number for number, _ in alike), run([one for _, one in alike]), strict=True))
        alike.clear()

    for number, item in enumerate(items):
        alike = waiting.setdefault(kind(item), [])
        alike.append((number, item))
        if len(alike) == size:
            flush(alike)
    for alike in waiting.values():
        if alike:
            flush(alike)
    return [made[number] for number in range(len(made))]
