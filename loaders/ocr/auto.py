"""OCR by what is installed: Tesseract, which is better on clean pages, or RapidOCR, which is on photos."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from rag.errors import MissingExtra
from rag.protocols import Recognised

from .rapidocr import RapidOCR
from .tesseract import Tesseract


class Auto:
    """A Recogniser: the preferred one of Tesseract and RapidOCR, the other where that is not there.

    `languages` are Tesseract's (see `Tesseract`); it is passed over where one of them is not installed.
    `threads` are processor threads of RapidOCR, which reads Latin, Chinese and Japanese writing unasked.
    """

    def __init__(
        self,
        *,
        prefer: Literal["tesseract", "rapidocr"] = "tesseract",
        languages: str = "eng",
        threads: int = 1,
    ) -> None:
        if prefer not in ("tesseract", "rapidocr"):
            raise ValueError(f"prefer is tesseract or rapidocr, got {prefer!r}")
        choices: list[Tesseract | RapidOCR] = [Tesseract(languages=languages), RapidOCR(threads=threads)]
        self._choices = choices if prefer == "tesseract" else choices[::-1]

    @property
    def fingerprint(self) -> str:
        """That of the engine in use; "" where there is none, so that nothing is recognised."""
        return next((one.fingerprint for one in self._choices if one.fingerprint), "")

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        """As the engine in use; MissingExtra where there is none."""
        for one in self._choices:
            if one.fingerprint:
                return one.recognise(images)
        raise MissingExtra("rapidocr", "ocr")
