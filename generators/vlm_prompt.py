"""What a vision-language model is asked: numbered evidence, its words as text and its pictures as pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.answer import Evidence, Query, Settings, Turn
from rag.document import Chunk, Media
from rag.errors import ConfigError, SourceError
from rag.protocols import Assets
from rag.vlm import Opened, harmless, has_pixels, picture, pixels

from .cited import unmarked
from .prompts.cited import (
    ASKED_PICTURE,
    EVIDENCE,
    INSTRUCTION,
    MINUS,
    PICTURE,
    PICTURES_ALONE,
    QUESTION,
    SYSTEM,
    TEXTLESS,
    UNSEEN,
)
from .prompts.escaped import block, escaped

if TYPE_CHECKING:
    from PIL import Image as Pillow


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence as it will be shown: its block, and its picture where it has one."""

    evidence: Evidence
    block: str
    picture: Pillow.Image | None

    @property
    def number(self) -> int:
        return self.evidence.number


def pieces(evidence: Sequence[Evidence], room: int, settings: Settings, model: Opened, look: Look) -> list[Piece]:
    """Evidence, best first, within the budgets of tokens (of words) and of pictures.

    The first always stays. What has neither words nor a picture that can be shown is left out.
    """
    found: list[Piece] = []
    spent = 0
    for one in evidence:
        seen = look(one.hit.chunk) if has_pixels(one.hit.chunk) and room > 0 else None
        text = escaped(one.hit.chunk.text).strip()
        if not text and seen is None:
            continue
        # A caption whose picture is not shown is still words; that it had one is said.
        text = text or (TEXTLESS if seen else UNSEEN)
        written = harmless(block(one, text), model.processor)
        spent += len(model.tokenizer(written, add_special_tokens=False)["input_ids"])
        if found and spent > settings.token_budget:
            break
        room -= seen is not None
        found.append(Piece(one, written, seen))
    return found


Look = Callable[[Chunk], "Pillow.Image | None"]


@dataclass(frozen=True, slots=True)
class Eyes:
    """Opens pictures from the assets: pages drawn at `dpi`, each of at most `max_pixels`."""

    assets: Assets | None
    dpi: int
    max_pixels: int

    def chunk(self, chunk: Chunk) -> Pillow.Image | None:
        """A chunk's picture; None where it cannot be shown (a linked file that is gone)."""
        try:
            return picture(pixels(self._stored(), chunk, self.dpi), self.max_pixels, chunk.origin.source.uri)
        except SourceError:
            return None

    def question(self, query: Query, most: int) -> list[Pillow.Image]:
        """The question's own pictures, at most so many; SourceError if one is damaged."""
        media = [part for part in query.parts if isinstance(part, Media)][:most]
        return [picture(self._stored().open(one), self.max_pixels, "the picture of the question") for one in media]

    def _stored(self) -> Assets:
        if self.assets is None:
            raise ConfigError("generators/vlm reads pixels from `assets`: give VLM(model, assets=...)")
        return self.assets


def prompt(query: Query, shown: Sequence[Piece], asked: Sequence[Any], model: Opened) -> tuple[str, list[Any]]:
    """The prompt with a placeholder for each picture, and the pictures in that order."""
    parts = list(_parts(query, shown, asked, model.processor))
    turns = [{"role": turn.role, "content": [_text(_said(turn, model.processor))]} for turn in query.history]
    return spoken_to(parts, turns, model), [part for part in parts if not isinstance(part, str)]


def spoken_to(parts: Sequence[Any], turns: Sequence[dict[str, Any]], model: Opened) -> str:
    """The prompt of texts and pictures in their order, after earlier turns, by the checkpoint's own template."""
    if not getattr(model.processor, "chat_template", None):
        written = "\n".join(part if isinstance(part, str) else model.placeholder for part in parts)
        return f"{written}\nAnswer:"
    content = [[_text(part + "\n")] if isinstance(part, str) else [{"type": "image"}, _text("\n")] for part in parts]
    asked = {"role": "user", "content": [one for some in content for one in some]}
    return str(model.processor.apply_chat_template([*turns, asked], add_generation_prompt=True, tokenize=False))


def _parts(query: Query, shown: Sequence[Piece], asked: Sequence[Any], processor: Any) -> Iterator[Any]:
    """Texts and pictures in the order in which they are read; the question comes last."""
    yield f"{SYSTEM}\n\n{EVIDENCE}"
    for one in shown:
        yield one.block
        if one.picture is not None:
            yield PICTURE.format(number=one.number)
            yield one.picture
    for image in asked:
        yield ASKED_PICTURE
        yield image
    if query.instruction:
        yield INSTRUCTION.format(instruction=harmless(escaped(query.instruction), processor))
    if query.minus:
        yield MINUS.format(minus=harmless(escaped("; ".join(query.minus)), processor))
    question = harmless(escaped(query.text), processor)
    yield QUESTION.format(question=question) if question or not asked else PICTURES_ALONE


def _said(turn: Turn, processor: Any) -> str:
    """An earlier turn; the markers of earlier answers point at evidence that is gone."""
    text = unmarked(turn.text) if turn.role == "assistant" else turn.text
    return harmless(escaped(text), processor)


def _text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}
