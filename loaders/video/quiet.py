"""Key frames first: which stretches between two of them need not be decoded to know their scenes.

A stretch is quiet if its key frame and the next one look alike and no packet between them is large enough
to hold another picture. All others are decoded frame by frame, so that each cut is found where it is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .scenes import Signature, area, difference, signature

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

ALIKE = 0.02
"""Key frames that differ by more (a half of the least cut), or on more of their area, are no quiet neighbours."""
LONGEST = 12.0
"""Seconds of a stretch that may be passed over."""
LARGE = 0.25
"""A packet of so much of its key frame's size may hold another picture."""
SPARSE = 0.5
"""Seconds that must lie between key frames for it to be worth while."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The key frames, by their second from the start, after which nothing happens up to the next one."""

    keys: tuple[float, ...] = ()
    quiet: frozenset[float] = frozenset()

    def passes(self, at: float) -> bool:
        """Whether the packets after the key frame of that second are passed over."""
        return round(at, 4) in self.quiet

    def shown(self, at: float) -> bool:
        """Whether a frame is to be looked at: a key frame, or one of a stretch that was decoded as a whole."""
        number = bisect_right(self.keys, at + 1e-3) - 1
        return number < 0 or self.keys[number] not in self.quiet or at - self.keys[number] < 1e-3


@dataclass(slots=True)
class Stretch:
    """A key frame and what follows it."""

    at: float
    size: int
    largest: int = 0
    signature: Signature | None = field(default=None)


def quiet(stretches: Sequence[Stretch], longest: float) -> Quiet:
    """What may be passed over; the last stretch is not, since what it leads to is not known."""
    still = frozenset(
        round(one.at, 4) for one, after in pairwise(stretches) if _is_quiet(one, after, min(longest, LONGEST))
    )
    return Quiet(tuple(round(one.at, 4) for one in stretches), still)


def _is_quiet(one: Stretch, after: Stretch, longest: float) -> bool:
    if one.signature is None or after.signature is None or not 0 < after.at - one.at <= longest:
        return False
    if one.largest > LARGE * min(one.size, after.size):
        return False
    return difference(one.signature, after.signature) < ALIKE and area(one.signature, after.signature) < ALIKE


class Survey:
    """Collects the stretches of a part from its packets, decoding key frames alone."""

    def __init__(self, origin: float, max_pixels: int) -> None:
        self._origin = origin
        self._max_pixels = max_pixels
        self.stretches: list[Stretch] = []

    @property
    def dense(self) -> bool:
        """Whether key frames lie so near each other that passing over the others saves nothing."""
        count = len(self.stretches)
        return count > 1 and (self.stretches[-1].at - self.stretches[0].at) / (count - 1) < SPARSE

    def packet(self, packet: Packet[Any]) -> float | None:
        """Take note of a packet; the second of a key frame, which is to be decoded."""
        if packet.pts is None or not packet.time_base:
            return None
        if packet.is_keyframe:
            at = float(packet.pts * packet.time_base) - self._origin
            self.stretches.append(Stretch(at, packet.size))
            return at
        if self.stretches:
            self.stretches[-1].largest = max(self.stretches[-1].largest, packet.size)
        return None

    def frame(self, frame: VideoFrame) -> None:
        """Take note of a decoded key frame, which may come some packets late."""
        if frame.pts is None or not frame.time_base or not 0 < frame.width * frame.height <= self._max_pixels:
            return
        at = float(frame.pts * frame.time_base) - self._origin
        for stretch in reversed(self.stretches):
            if abs(stretch.at - at) < 1e-3 and not frame.is_corrupt:
                stretch.signature = signature(frame)
                return
