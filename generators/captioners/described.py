"""A model's reply as a summary, and what summaries cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.answer import Usage
from rag.protocols import Captioned

from ..openai_messages import tokens
from ..prompts.escaped import escaped
from ..prompts.summary import asked

LONGEST = 2000
"""Characters of a summary; encoders read less."""
PIXELS_A_TOKEN = 750
"""Of a picture, as a rough rule: providers count one token for 570 (tiles of 512 x 512) to 784 (28 x 28) pixels."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Money for a million tokens, read and written; None where the user names none."""

    read: float | None
    written: float | None

    def __post_init__(self) -> None:
        if any(one is not None and one < 0 for one in (self.read, self.written)):
            raise ValueError(f"prices are not negative, got {self.read} and {self.written}")

    def of(self, usage: Usage) -> float | None:
        """What it costs; a price that is not named counts as none where the other is."""
        if self.read is None and self.written is None:
            return None
        return ((self.read or 0.0) * usage.input_tokens + (self.written or 0.0) * usage.output_tokens) / 1e6


def described(reply: str, usage: Usage, cut_off: bool = False) -> Captioned:
    """The reply in one paragraph, up to its last sentence's end where it was cut off; an error where it is empty."""
    text = " ".join(escaped(reply).split())[:LONGEST]
    if cut_off and (end := max(text.rfind(". "), text.rfind("; "))) > len(text) // 3:
        text = text[: end + 1]
    return Captioned(text, usage=usage) if text else Captioned(error="the model wrote nothing", usage=usage)


def estimated(images: Sequence[bytes], contexts: Sequence[str], prompt: str, max_pixels: int, max_tokens: int) -> Usage:
    """What describing these would take: words at four bytes a token, pictures, and summaries of full length."""
    pairs = list(zip(images, contexts, strict=True))
    read = sum(tokens(prompt + asked(context, bool(image))) for image, context in pairs)
    seen = sum(_picture_tokens(image, max_pixels) for image in images if image)
    return Usage(read + seen, max_tokens * len(pairs), sum(map(bool, images)), len(pairs))


def _picture_tokens(image: bytes, max_pixels: int) -> int:
    """Tokens that a picture counts for, roughly; that of a full picture where its size cannot be read."""
    from io import BytesIO

    from PIL import Image as pillow

    try:
        with pillow.open(BytesIO(image)) as opened:
            pixels = opened.width * opened.height
    except (OSError, ValueError, SyntaxError, pillow.DecompressionBombError):
        pixels = max_pixels
    return -(-min(pixels, max_pixels) // PIXELS_A_TOKEN)
