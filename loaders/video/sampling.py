"""Frames chosen by VideoRAG's samplers (arXiv 2501.05874, section 3.2 and appendix A.3), as scenes.

Both look at one frame a second. `uniform` takes those at floor(T / n) // 2 + j floor(T / n) of T. `kmeans`
clusters features of the frames by k-means++ (Arthur, Vassilvitskii 2007) and takes the member nearest to
each centroid. Departures: features are colours, on a coarse grid and as histograms, where the paper takes
CLIP's; the frames of two minutes are chosen together, so that a long recording is read in bounded memory,
where the paper takes those of the whole; each frame stands for all seconds of its cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from rag.kmeans import kmeans

from .scenes import HEIGHT, WIDTH, Scene, Signature, signature

if TYPE_CHECKING:
    import numpy as np
    from av.video.frame import VideoFrame
    from numpy.typing import NDArray

    Features = NDArray[np.float64]

FRAMES = 8
"""Of two minutes, as the paper takes for retrieval."""
STEP = 1.0
"""Seconds between the frames looked at."""
_GRID = 6, 8
Timed = tuple[float, "VideoFrame"]


@dataclass(frozen=True, slots=True)
class Sample:
    """What is known of a frame that was looked at; `at` is when it is asked for."""

    at: float
    signature: Signature


def uniform_indices(total: int, count: int) -> list[int]:
    """The paper's positions of `count` frames among `total`, each once."""
    if count >= total:
        return list(range(total))
    step = total // count
    return [min(step // 2 + at * step, total - 1) for at in range(count)]


def uniform(begin: float, end: float, count: int, fetch: Callable[[float], Timed | None]) -> Iterator[Scene]:
    """Frames at equal distances in [begin, end); each stands for the time that is nearest to it.

    `fetch` gives the frame on screen at a second.
    """
    total = max(1, -int(-(end - begin) // STEP))
    times = [begin + at * STEP for at in uniform_indices(total, count)]
    bounds = [begin, *((one + other) / 2 for one, other in pairwise(times)), end]
    for at, (start, stop) in zip(times, pairwise(bounds), strict=True):
        if (found := fetch(at)) is not None:
            yield Scene(start, stop, at, found[1], signature(found[1]))


def samples(frames: Iterable[Timed], begin: float) -> list[Sample]:
    """The frame on screen at each second from `begin` on, as a signature."""
    found: list[Sample] = []
    for at, frame in frames:
        if at >= begin + len(found) * STEP - 1e-3:
            sign = signature(frame)
            while begin + len(found) * STEP <= at + 1e-3:
                found.append(Sample(begin + len(found) * STEP, sign))
    return found


def clustered(
    seen: Sequence[Sample], end: float, count: int, shortest: float, seed: int, fetch: Callable[[float], Timed | None]
) -> Iterator[Scene]:
    """The runs of seconds that belong to one cluster, each shown by its cluster's frame.

    A run shorter than `shortest` joins the one before it, the first one the one after.
    """
    if not seen:
        return
    labels, members = kmeans([features(one.signature) for one in seen], count, seed)
    runs: list[tuple[float, int]] = []
    bounds = [one.at for one in seen] + [end]
    for at, label in enumerate(labels):
        if runs and (runs[-1][1] == label or _length(bounds, labels, at) < shortest):
            continue
        if runs and bounds[at] - runs[-1][0] < shortest:
            runs[-1] = (runs[-1][0], label)
            continue
        runs.append((bounds[at], label))
    held: dict[int, Timed | None] = {}
    for (start, label), stop in zip(runs, [*(start for start, _ in runs[1:]), end], strict=True):
        chosen = seen[members[label]]
        if label not in held:
            held = {label: fetch(chosen.at)}
        found = held[label]
        if found is not None:
            yield Scene(start, stop, chosen.at, found[1], chosen.signature)


def _length(bounds: Sequence[float], labels: Sequence[int], at: int) -> float:
    """Seconds of the run that begins with a sample."""
    stop = next((after for after in range(at, len(labels)) if labels[after] != labels[at]), len(labels))
    return bounds[stop] - bounds[at]


def features(sign: Signature) -> Features:
    """(336,): mean colours of 6 x 8 fields and the cumulated histograms, each of length at most 1."""
    import numpy as np

    rows, columns = _GRID
    fields = sign.pixels.reshape(rows, HEIGHT // rows, columns, WIDTH // columns, 3).mean(axis=(1, 3)) / 255
    return np.concatenate([fields.ravel() / np.sqrt(fields.size), sign.spread.ravel() / np.sqrt(sign.spread.size)])
