"""Recordings: a key frame and what is said while it is shown are one chunk."""

from __future__ import annotations

from dataclasses import replace

from rag.document import Element, Modality, TimeSpan

from .blocks import Block, Bounds
from .places import merged
from .sections import Packed
from .sizes import Sizer


def is_timed(element: Element) -> bool:
    """A key frame or speech: its place is a span of time, and it belongs to what lies in that span."""
    return element.role in ("keyframe", "speech") and any(isinstance(one, TimeSpan) for one in element.origin.places)


class Spans:
    """Takes key frames and speech in the order of their time, and gives packed chunks.

    A frame with its speech is a chunk of modality video whose place is the time of both. Speech
    above the target is cut between cues, each piece with the frame and with its own time; silent
    frames of one picture in a row are one chunk. Speech without a frame is audio. What is written on a
    frame stands before the first that is said; where it is much, it is a chunk of its own.
    """

    def __init__(self, sizer: Sizer, bounds: Bounds) -> None:
        self._sizer = sizer
        self._bounds = bounds
        self._frame: Element | None = None
        self._shown: list[Block] = []
        self._said: list[Block] = []
        self._divided = False
        self._silent: Packed | None = None
        self._out: list[Packed] = []

    def taken(self) -> list[Packed]:
        """The chunks finished since the last call."""
        out, self._out = self._out, []
        return out

    def add(self, element: Element, cost: int) -> None:
        """The next key frame, or the next thing said."""
        if element.role == "keyframe":
            self._pack()
            self._frame = element
            self._shown = self._cut(element, cost) if element.text.strip() else []
            return
        if not element.text.strip():
            return
        for block in self._cut(element, cost):
            if self._shown and not self._led(block):
                self._pack_shown()
            last = self._said[-1] if self._said else None
            if last and (last.headings != block.headings or self._size() + block.cost > self._room(block)):
                self._divided = True
                self._pack_speech()
            self._said.append(block)

    def close(self) -> None:
        """The recording ends."""
        self._pack()
        self._release()

    def _room(self, block: Block) -> int:
        """Tokens of a chunk. Without a frame nothing else ends one, so the target does; a frame's
        speech stays together where the encoder reads it whole."""
        most = max(self._bounds.limit - self._sizer.headings(block.headings), self._bounds.limit // 2)
        return most if self._frame else min(most, self._bounds.target)

    def _size(self) -> int:
        return sum(block.cost for block in (*self._shown, *self._said))

    def _led(self, block: Block) -> bool:
        """Whether what is written on the frame is short enough to stand before what is said."""
        return len(self._shown) == 1 and self._shown[0].cost <= self._room(block) // 2

    def _cut(self, element: Element, cost: int) -> list[Block]:
        whole = Block(
            element.text.strip(), cost, element.origin.places, element.role, "text", element.headings, element.media
        )
        room = self._room(whole)
        if cost <= room:
            return [whole]
        spans = self._sizer.pieces(element.text, room, min(self._bounds.target, room))
        texts = [element.text[start:end].strip() for start, end in spans]
        return [
            replace(whole, text=text, cost=size, parent=element.id)
            for text, size in zip(texts, self._sizer.costs(texts), strict=True)
        ]

    def _pack(self) -> None:
        """What is open is complete."""
        if self._said:
            self._pack_speech()
        elif len(self._shown) > 1:
            self._pack_shown()
        elif self._frame and (self._frame.media or self._shown):
            self._pack_silent(self._frame)
        self._frame, self._divided, self._shown = None, False, []

    def _pack_shown(self) -> None:
        """What is written on the frame alone."""
        self._release()
        for block in self._shown:
            self._out.append(Packed(block.text, block.places, "keyframe", "image", block.headings, block, block.parent))
        self._shown = []

    def _pack_speech(self) -> None:
        self._release()
        said, self._said = self._said, []
        shown, self._shown = self._shown, []
        frame = self._frame
        modality: Modality = "video" if frame else "audio"
        places = [block.places for block in said]
        if frame and not self._divided:
            places.insert(0, frame.origin.places)
        parents = {block.parent for block in said if block.parent}
        self._out.append(
            Packed(
                text="\n".join([*(block.text for block in shown), " ".join(block.text for block in said)]),
                places=merged(places),
                role="speech",
                modality=modality,
                headings=said[0].headings,
                block=replace(said[0], media=frame.media if frame else None),
                parent=parents.pop() if len(parents) == 1 else "",
            )
        )

    def _pack_silent(self, frame: Element) -> None:
        """Hold a silent frame back, since the next one may show the same picture."""
        text = self._shown[0].text if self._shown else ""
        block = Block(text, 0, frame.origin.places, "keyframe", "image", frame.headings, frame.media)
        held = self._silent
        if held and frame.media and held.block.media == frame.media and held.headings == frame.headings:
            self._silent = replace(held, places=merged([held.places, frame.origin.places]))
            return
        self._release()
        self._silent = Packed(text, frame.origin.places, "keyframe", "image", frame.headings, block)

    def _release(self) -> None:
        if self._silent:
            self._out.append(self._silent)
        self._silent = None
