"""Answers by a vision-language model that looks at the evidence: pages, photos and figures as pixels.

After Yu et al., ICLR 2025, "VisRAG" (arXiv 2410.10594): the retrieved pictures go to the model
together in the order of their rank, the paper's multi-image input, the form that gains from more
than one page there. Words of the evidence go beside them; each sentence is to cite.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import cached_property
from threading import Event as CancelEvent
from threading import RLock
from typing import Any, Literal

from rag.answer import (
    Answer,
    Checked,
    Done,
    Event,
    Evidenced,
    Query,
    Refusal,
    Selection,
    Settings,
    TextPiece,
    Usage,
)
from rag.checkpoint import checkpoint
from rag.errors import GenerationError, RagError
from rag.protocols import Assets
from rag.vlm import PAGE_PIXELS, Opened, has_pixels, opened

from .cited import cited_sentences
from .openai_reply import Spoken
from .verify import Passage, checked
from .vlm_prompt import Eyes, Piece, pieces, prompt
from .vlm_run import Watch, decoded, read_in, run


class VLM:
    """A Generator (and Streams) by any image-text-to-text checkpoint of a class that transformers has.

    `model` is a folder or a hub name in this machine's cache (nothing is fetched), pinned by
    `revision`. Of the settings, `image_budget` counts pictures, `token_budget` the tokens of the
    evidence's words; `n` is one. A `deadline` ends the text where it is. One answer is written at
    a time; the model loads at first use.
    """

    def __init__(
        self,
        model: str,
        *,
        revision: str = "",
        dpi: int = 144,
        max_pixels: int = PAGE_PIXELS,
        device: str = "auto",
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto",
        assets: Assets | None = None,
    ) -> None:
        if dtype not in ("auto", "float32", "bfloat16", "float16"):
            raise ValueError(f"dtype must be auto, float32, bfloat16 or float16, got {dtype!r}")
        if not 36 <= dpi <= 600 or max_pixels < 1024:
            raise ValueError(f"dpi must be 36 to 600 and max_pixels at least 1024, got {dpi} and {max_pixels}")
        self.model = model
        self.revision = revision
        self.dpi = dpi
        self.max_pixels = max_pixels
        self.device = device
        self.dtype = dtype
        self._eyes = Eyes(assets, dpi, max_pixels)
        self._lock = RLock()

    @cached_property
    def _opened(self) -> Opened:
        return opened(checkpoint(self.model, self.revision), "words", self.device, self.dtype)

    def generate(self, queries: Sequence[Query], selections: Sequence[Selection], settings: Settings) -> list[Answer]:
        """For each query its answer; a refusal without a call of the model where nothing was selected."""
        until = _until(settings)
        return [
            self._answer(query, one, settings, until, lambda _: None, CancelEvent())
            for query, one in zip(queries, selections, strict=True)
        ]

    async def stream(self, query: Query, selection: Selection, settings: Settings) -> AsyncIterator[Event]:
        """The evidence, the text as it is written, its claims, the answer. Closing the iterator stops the model."""
        yield Evidenced(selection)
        loop, cancelled = asyncio.get_running_loop(), CancelEvent()
        pieces_of_text: asyncio.Queue[str | None] = asyncio.Queue()

        def told(text: str | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pieces_of_text.put_nowait, text)

        def work() -> Answer:
            try:
                return self._answer(query, selection, settings, _until(settings), told, cancelled)
            finally:
                told(None)

        working = loop.run_in_executor(None, work)
        try:
            while (text := await pieces_of_text.get()) is not None:
                yield TextPiece(text)
            answer = await working
            for claim in answer.claims:
                yield Checked(claim)
            yield Done(answer)
        finally:
            cancelled.set()

    def _answer(
        self,
        query: Query,
        selection: Selection,
        settings: Settings,
        until: float | None,
        told: Callable[[str], None],
        cancelled: CancelEvent,
    ) -> Answer:
        """One answer; `told` gets its text piece by piece, as it stands in the answer."""
        if not selection.evidence:
            return _refused(selection, selection.reason or "no evidence was selected", near=selection.near_misses)
        with self._lock:
            if cancelled.is_set():
                return _refused(selection, "cancelled")
            asked = self._eyes.question(query, settings.image_budget)
            room = settings.image_budget - len(asked)
            shown = pieces(selection.evidence, room, settings, self._opened, self._eyes.chunk)
            if not shown:
                return _refused(selection, "the evidence holds nothing that can be shown to the model")
            read, shown, images = self._read(query, shown, asked, settings)
            spoken = Spoken(frozenset(one.number for one in shown))
            telling = _Telling(spoken, told)
            watch = Watch(self._decoded, read["input_ids"].shape[1], settings.stop, until, telling.grown, cancelled)
            watch.late = until is not None and time.monotonic() >= until
            if not watch.late:
                self._run(read, settings, watch)
        full = watch.tokens >= settings.max_tokens
        telling.grown(watch.text)
        telling.end(cut_off=watch.late or full)
        usage = Usage(watch.prompt, watch.tokens, images, 1)
        if spoken.refused:
            return _refused(selection, "the model found no answer in the evidence", usage)
        if not spoken.text:
            within = f" within {settings.deadline} s" if watch.late else f" within {watch.tokens} tokens"
            raise GenerationError(f"nothing was written{within}", model=self.model, retry=watch.late)
        passages = [Passage(one.evidence, one.picture is not None) for one in shown]
        citations, claims = checked(spoken.text, cited_sentences(spoken.text, spoken.known), passages, query.text)
        notes = [
            *_left_out(selection, shown),
            *(
                [f"the reply cites {_numbers(spoken.dropped)}, which it was not given; taken out"]
                * bool(spoken.dropped)
            ),
            *([f"the reply was cut off at {settings.max_tokens} tokens"] * full),
            *([f"the reply was cut off after {settings.deadline} s"] * watch.late),
        ]
        return Answer(spoken.text, selection.evidence, tuple(citations), tuple(claims), usage=usage, notes=tuple(notes))

    def _read(
        self, query: Query, shown: list[Piece], asked: Sequence[Any], settings: Settings
    ) -> tuple[dict[str, Any], list[Piece], int]:
        """The model's input, the pieces in it, and its pictures; the last pieces go where it is too long."""
        limit = getattr(self._opened.model.config.get_text_config(), "max_position_embeddings", None)
        while True:
            written, pictures = prompt(query, shown, asked, self._opened)
            try:
                read = read_in(self._opened, written, pictures)
            except (RuntimeError, ValueError, TypeError, LookupError) as error:
                raise GenerationError(f"its processor cannot take the prompt: {error}", model=self.model) from error
            length = int(read["input_ids"].shape[1])
            if not limit or length + settings.max_tokens <= limit:
                return read, shown, len(pictures)
            if len(shown) == 1:
                raise GenerationError(
                    f"the question and one piece of evidence are {length} tokens, and {settings.max_tokens} are to be "
                    f"written; it takes {limit}. Lower max_pixels, or max_tokens", model=self.model,
                )  # fmt: skip
            shown = shown[:-1]

    def _run(self, read: dict[str, Any], settings: Settings, watch: Watch) -> None:
        try:
            run(self._opened, read, settings, watch)
        except RagError:
            raise
        except (RuntimeError, ValueError, MemoryError) as error:
            raise GenerationError(f"the model failed: {str(error)[:300]}", model=self.model) from error

    def _decoded(self, ids: Sequence[int]) -> str:
        return decoded(self._opened, ids)


class _Telling:
    """Gives a growing reply to `Spoken` as pieces, and what is settled of the answer's text to a listener."""

    def __init__(self, spoken: Spoken, told: Callable[[str], None]) -> None:
        self._spoken = spoken
        self._told = told
        self._taken = 0

    def grown(self, reply: str) -> None:
        """The reply as far as it is settled; it only grows."""
        piece, self._taken = reply[self._taken :], max(self._taken, len(reply))
        self._tell(self._spoken.feed(piece))

    def end(self, *, cut_off: bool) -> None:
        """What was held back."""
        self._tell(self._spoken.end(cut_off=cut_off))

    def _tell(self, text: str) -> None:
        if text:
            self._told(text)


def _refused(selection: Selection, reason: str, usage: Usage = Usage(), near: Any = None) -> Answer:  # noqa: B008
    near = selection.evidence[:3] if near is None else near
    return Answer("", selection.evidence, refusal=Refusal(reason, selection.expected_risk, tuple(near)), usage=usage)


def _left_out(selection: Selection, shown: Sequence[Piece]) -> list[str]:
    """What the model did not see of the evidence."""
    given = {one.number for one in shown}
    lost = [one.number for one in selection.evidence if one.number not in given]
    unseen = [one.number for one in shown if one.picture is None and has_pixels(one.evidence.hit.chunk)]
    return [
        *([f"{_numbers(lost)} was not shown to the model: it did not fit, or could not be read"] * bool(lost)),
        *([f"of {_numbers(unseen)} the words were shown, not the picture"] * bool(unseen)),
    ]


def _numbers(found: Sequence[int]) -> str:
    return ", ".join(f"[{number}]" for number in sorted(set(found))[:10])


def _until(settings: Settings) -> float | None:
    return None if settings.deadline is None else time.monotonic() + settings.deadline
