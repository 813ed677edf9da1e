"""Where the picture of a recording changes, found while its frames go by.

Each frame looked at becomes a signature of 64 x 36 pixels. Two signatures differ by half the mean
difference of their pixels and half the distance of their cumulated histograms (which motion hardly
changes). A cut is a difference that stands out from its neighbours, as in PySceneDetect's
AdaptiveDetector (threshold = ratio x mean of the neighbours, with a floor), and that is still there
two frames later, so that a flash is none. The end of a fade is a still picture that differs from the
one the scene began with; so is a slide that fills up, where a tenth of the area tells, or is turned, where
a fiftieth does, since nothing moved before and after.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Pixels = NDArray[np.int16]

WIDTH, HEIGHT, FINE = 64, 36, 4
FLOOR = 0.04
"""No smaller difference is a cut."""
RATIO = 3.0
"""A cut is so many times the mean difference around it."""
CEILING = 0.25
"""A larger difference is a cut whatever moves around it."""
DRIFT = 0.05
"""A still picture that differs so much from the first one of its scene begins another."""
STILL = 0.008
"""A frame that differs less from the one before it stands still."""
FROZEN = 0.0015
"""A frame that differs less is a screen or a slide: no camera stands so still."""
AREA = 0.1
"""A frozen picture that differs on so much of its area from the first one of its scene begins another."""
TURN = 0.02
"""A frozen picture of which so much changes from one frame to the next begins another."""
BEHIND, AHEAD = 10, 2
"""Frames on either side whose differences a cut must stand out from."""
LOOKS = 10.0
"""Frames looked at in a second, at most."""
_BLACK = 20.0
_FLAT = 4.0
_OTHER = 0.05


@dataclass(frozen=True, slots=True)
class Signature:
    """A picture made small: (36, 64, 3) values 0..255, and the cumulated histogram of each channel.

    `fine` is (144, 256) grey values, in which the words of two slides differ.
    """

    pixels: Pixels
    spread: NDArray[np.float64]
    fine: Pixels

    @property
    def flat(self) -> bool:
        """One colour all over."""
        return float(self.pixels.std(axis=(0, 1)).max()) < _FLAT

    @property
    def black(self) -> bool:
        return self.flat and float(self.pixels.mean()) < _BLACK


def signature(frame: VideoFrame) -> Signature:
    """The signature of a frame as it was coded (not turned)."""
    import numpy as np

    small = frame.reformat(width=WIDTH, height=HEIGHT, format="rgb24", interpolation="AREA").to_ndarray()
    pixels: Pixels = small.astype(np.int16)
    counts = [np.bincount(pixels[..., channel].ravel() >> 2, minlength=64) for channel in range(3)]
    grey = frame.reformat(width=FINE * WIDTH, height=FINE * HEIGHT, format="gray", interpolation="AREA").to_ndarray()
    return Signature(pixels, np.cumsum(np.stack(counts), axis=1) / (WIDTH * HEIGHT), grey.astype(np.int16))


def difference(one: Signature, other: Signature) -> float:
    """From 0 (the same) to 1 (black and white)."""
    import numpy as np

    pixels = float(np.abs(one.pixels - other.pixels).mean()) / 255
    spread = float(np.abs(one.spread - other.spread).mean())
    return (pixels + spread) / 2


def area(one: Signature, other: Signature) -> float:
    """The share of the picture on which two pictures differ: in 32 x 18 blocks of grey, or 16 x 9 of colour."""
    import numpy as np

    apart = np.abs(one.pixels - other.pixels)
    colour = apart.reshape(HEIGHT // 4, 4, WIDTH // 4, 4, 3).mean(axis=(1, 3, 4)) / 255
    step = 2 * FINE
    fine = np.abs(one.fine - other.fine)
    grey = fine.reshape(HEIGHT // 2, step, WIDTH // 2, step).mean(axis=(1, 3)) / 255
    return max(float((colour > _OTHER).mean()), float((grey > _OTHER).mean()))


@dataclass(frozen=True, slots=True)
class Scene:
    """From `start` to `end` seconds, with the frame that stands for it, shown at second `at`."""

    start: float
    end: float
    at: float
    frame: VideoFrame
    signature: Signature


@dataclass(frozen=True, slots=True)
class _Look:
    at: float
    frame: VideoFrame
    signature: Signature
    change: float
    """The difference from the look before it."""
    moved: float
    """The share of the picture that differs from the look before it."""


class _Open:
    """The scene that is going on, and the frame that stands for it so far."""

    def __init__(self, look: _Look, start: float) -> None:
        self.start = start
        self.first = look
        self.chosen = look
        self.near = look.at
        """When the picture was last like the first one."""
        self.seen = look.signature
        """The picture as it was last, flashes left out."""
        self._away = 0

    def see(self, look: _Look, jumped: bool) -> None:
        """Follow the picture; after a jump that was no cut only once it is back, or has stayed away."""
        self._away += jumped or self._away > 0
        if self._away == 0 or self._away > 2 * AHEAD or difference(self.seen, look.signature) < FLOOR:
            self.seen, self._away = look.signature, 0

    def take(self, look: _Look) -> None:
        """Keep the frame if it stands for the scene better: still, not flat, from its second half.

        Each frame kept is so many times as far into the scene as the one before it.
        """
        away = difference(self.first.signature, look.signature)
        alike = area(self.first.signature, look.signature) < AREA
        if away < DRIFT / 2 and (alike or look.change >= STILL):
            self.near = look.at
        if self.chosen.signature.flat and not look.signature.flat:
            self.chosen = look
            return
        age, kept = look.at - self.first.at, max(self.chosen.at - self.first.at, 0.15)
        if look.change >= STILL:
            later = 8.0  # nothing better than a moving picture yet
        elif away >= DRIFT or not alike:
            return  # another scene has begun, as it may turn out
        else:
            later = 1.25 if look.change < FROZEN else 2.0
        if not look.signature.flat and age >= kept * later:
            self.chosen = look

    def closed(self, end: float) -> Scene:
        return Scene(self.start, end, self.chosen.at, self.chosen.frame, self.chosen.signature)


def scenes(frames: Iterable[tuple[float, VideoFrame]], end: float, shortest: float, longest: float) -> Iterator[Scene]:
    """The scenes of frames given as (seconds, frame), the last one up to `end`.

    A scene shorter than `shortest` joins the one after it; one longer than `longest` is divided.
    At most AHEAD + 3 frames are held.
    """
    window: deque[_Look] = deque()
    changes: deque[float] = deque(maxlen=BEHIND)
    scene: _Open | None = None
    looks = _looks(frames)
    for look in looks:
        window.append(look)
        if scene is None:
            scene = _Open(look, look.at)
        if len(window) > AHEAD + 1:
            old, scene = _step(scene, window, changes, shortest, longest)
            yield from old
    while scene and len(window) > 1:
        old, scene = _step(scene, window, changes, shortest, longest)
        yield from old
    if scene:
        yield scene.closed(max(end, scene.first.at))


def _became_another(first: _Look, look: _Look, after: Sequence[float]) -> bool:
    """Whether the picture has come to rest as another one than it was."""
    most = max((look.change, *after))
    if most < STILL and difference(first.signature, look.signature) >= DRIFT:
        return True
    return most < FROZEN and area(first.signature, look.signature) >= AREA


def _looks(frames: Iterable[tuple[float, VideoFrame]]) -> Iterator[_Look]:
    last: _Look | None = None
    passed: tuple[float, VideoFrame] | None = None
    for at, frame in frames:
        if last and at - last.at < 1 / LOOKS - 1e-3:
            passed = at, frame
            continue
        if last and passed and at - passed[0] > 2 / LOOKS:  # it stays on screen for long
            last = _looked(*passed, last)
            yield last
        last = _looked(at, frame, last)
        passed = None
        yield last


def _looked(at: float, frame: VideoFrame, last: _Look | None) -> _Look:
    sign = signature(frame)
    before = last.signature if last else sign
    return _Look(at, frame, sign, difference(before, sign), area(before, sign))


def _step(
    scene: _Open, window: deque[_Look], changes: deque[float], shortest: float, longest: float
) -> tuple[list[Scene], _Open]:
    """Judge the second look of the window, with what follows it in sight."""
    look = window[1]
    after = [window[at].change for at in range(2, len(window))]
    around = [*changes, *after]
    usual = sum(around) / len(around) if around else 0.0
    jumped = look.change >= min(max(FLOOR, RATIO * usual), CEILING)
    frozen = max(window[0].change, *(after or [0.0])) < FROZEN
    # What changes at once between frames that stand still is a slide or a window: nothing moves so.
    cut = (jumped and difference(scene.seen, window[-1].signature) >= FLOOR) or (frozen and look.moved >= TURN)
    scene.see(look, jumped)
    window.popleft()
    changes.append(look.change)
    age = look.at - scene.start
    if cut and age < shortest:
        return [], _Open(look, scene.start)
    if cut:
        return [scene.closed(look.at)], _Open(look, look.at)
    if age >= shortest and _became_another(scene.first, look, after):
        turned = scene.near + (look.at - scene.near) / 2
        if turned - scene.start < shortest:
            return [], _Open(look, scene.start)
        return [scene.closed(turned)], _Open(look, turned)
    if age >= longest:
        divided = scene.start + longest  # the picture is the same there, though none may have been looked at
        return [scene.closed(divided)], _Open(look, divided)
    scene.take(look)
    return [], scene
