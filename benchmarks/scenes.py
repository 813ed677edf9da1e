"""Changes of scene: ours against the detectors of PySceneDetect, on recordings made by code.

    python benchmarks/scenes.py [FILE START,START,... ...]

Needs `pip install scenedetect-headless` (BSD; it brings OpenCV). Each FILE is scored against the seconds
at which its scenes begin. A change counts as found within 0.3 s, that of a fade or a dissolve from 0.3 s
before its start to 0.6 s after its end.
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rag.loaders.video import Video

from rag.document import Source, TimeSpan
from tests.golden import videos
from tests.golden.images import scenery

RATE = 25
BEFORE, AFTER, LATE = 0.3, 0.3, 0.6
Span = tuple[float, float]
Shown = list[tuple[Image.Image, float]]


def photo(seed: int) -> Image.Image:
    """A scene with texture: patches, and a grain that stays where it is."""
    grain = np.random.default_rng(seed + 1000).normal(0, 12, (240, 320, 1))
    return Image.fromarray(np.clip(np.asarray(scenery(seed), float) + grain, 0, 255).astype(np.uint8))


def slide(title: str, lines: int, dark: bool = False) -> Image.Image:
    image = Image.new("RGB", (320, 240), "#202028" if dark else "white")
    draw = ImageDraw.Draw(image)
    ink = "white" if dark else "black"
    draw.text((20, 14), title, ink, font_size=24)
    for line in range(lines):
        draw.text((24, 60 + 26 * line), f"{line + 1}. A point about {title.lower()}", ink, font_size=16)
    return image


def still(image: Image.Image, seconds: float) -> Shown:
    return [(image, seconds)]


def moving(seed: int, seconds: float, speed: float) -> Shown:
    """A camera that pans over something wider than its picture, or shakes where speed is below 0."""
    wide = scenery(seed, 960, 400)
    frames = round(seconds * RATE)
    rng = np.random.default_rng(seed)
    path = (
        [(40 + int(rng.integers(-6, 7)), 40 + int(rng.integers(-6, 7))) for _ in range(frames)]
        if speed < 0 else [(min(int(at * speed / RATE), 640), 40) for at in range(frames)]
    )  # fmt: skip
    return [(wide.crop((left, top, left + 320, top + 240)), 1 / RATE) for left, top in path]


def zoom(seed: int, seconds: float) -> Shown:
    image = scenery(seed, 640, 480)
    frames = round(seconds * RATE)
    cuts = [(160 * at / frames, 120 * at / frames) for at in range(frames)]
    return [(image.crop((round(x), round(y), 640 - round(x), 480 - round(y))).resize((320, 240)), 1 / RATE)
            for x, y in cuts]  # fmt: skip


def blend(one: Image.Image, other: Image.Image, seconds: float) -> Shown:
    frames = round(seconds * RATE)
    return [(Image.blend(one, other, at / frames), 1 / RATE) for at in range(frames)]


BLACK, WHITE = Image.new("RGB", (320, 240)), Image.new("RGB", (320, 240), "white")


def cases() -> Iterator[tuple[str, Shown, list[Span]]]:
    """Name, pictures, and where another scene begins (from, to)."""
    cuts = [photo(at) for at in range(5)]
    yield "cuts", [(image, 3.0) for image in cuts], [(3.0 * at, 3.0 * at) for at in range(1, 5)]
    dim = [Image.fromarray((np.asarray(image) * 0.3).astype(np.uint8)) for image in cuts]
    yield "cuts in the dark", [(image, 3.0) for image in dim], [(3.0 * at, 3.0 * at) for at in range(1, 5)]
    yield "dissolve 1 s", [*still(cuts[0], 3), *blend(cuts[0], cuts[1], 1), *still(cuts[1], 3)], [(3, 4)]
    yield "dissolve 3 s", [*still(cuts[0], 3), *blend(cuts[0], cuts[1], 3), *still(cuts[1], 3)], [(3, 6)]
    faded = [*still(cuts[2], 3), *blend(cuts[2], BLACK, 1), *blend(BLACK, cuts[3], 1), *still(cuts[3], 3)]
    yield "fade through black", faded, [(3, 5)]
    yield "flash", [*still(cuts[0], 3), (WHITE, 0.08), *still(cuts[0], 3)], []
    yield "pan", moving(20, 8, 80), []
    yield "fast pan", moving(21, 6, 200), []
    yield "shaking", moving(22, 6, -1), []
    yield "zoom", zoom(23, 6), []
    yield "cut in a pan", [*moving(24, 4, 120), *moving(25, 4, 120)], [(4, 4)]
    yield "cut in shaking", [*moving(26, 4, -1), *moving(27, 4, -1)], [(4, 4)]
    titles = ("Pumps", "Valves", "Tanks", "Gauges")
    yield "slides", [(slide(title, 5), 4.0) for title in titles], [(4.0 * at, 4.0 * at) for at in range(1, 4)]
    dark = [(slide(title, 5, True), 4.0) for title in titles]
    yield "dark slides", dark, [(4.0 * at, 4.0 * at) for at in range(1, 4)]
    yield "slide, film, slide", [*still(slide("Pumps", 4), 4), *moving(28, 5, 60), *still(slide("Valves", 4), 4)], [
        (4, 4), (9, 9)
    ]  # fmt: skip


def ours(path: Path) -> list[float]:
    source = Source(str(path), "video/mp4", "0" * 64, str(path))
    parts = Video(max_scene=1e6).load(source)
    places = [one.origin.places[0] for part in parts for one in part.elements if one.role == "keyframe"]
    return [place.start for place in places if isinstance(place, TimeSpan)][1:]


def theirs(make: Callable[[], Any]) -> Callable[[Path], list[float]]:
    def found(path: Path) -> list[float]:
        from scenedetect import SceneManager, open_video

        manager = SceneManager()
        manager.add_detector(make())
        manager.detect_scenes(open_video(str(path), backend="pyav"))
        return [start.seconds for start, _ in manager.get_scene_list()][1:]

    return found


def score(found: Sequence[float], wanted: Sequence[Span]) -> tuple[int, int, int]:
    """Right, wrong, missed: each change is found once at most."""
    left = list(wanted)
    right = 0
    for at in found:
        late = LATE if left and left[0][1] > left[0][0] else AFTER
        match = next((one for one in left if one[0] - BEFORE <= at <= one[1] + max(late, AFTER)), None)
        if match:
            left.remove(match)
            right += 1
    return right, len(found) - right, len(left)


def main(arguments: Sequence[str]) -> None:
    from scenedetect import AdaptiveDetector, ContentDetector, HashDetector, HistogramDetector

    detectors = {"ours": ours, "Adaptive": theirs(AdaptiveDetector), "Content": theirs(ContentDetector),
                 "Hash": theirs(HashDetector), "Histogram": theirs(HistogramDetector)}  # fmt: skip
    total = {name: [0, 0, 0] for name in detectors}
    spent = dict.fromkeys(detectors, 0.0)
    print(f"{'right/wrong/missed':24s}" + "".join(f"{name:>12s}" for name in detectors))
    with tempfile.TemporaryDirectory() as folder:
        listed: list[tuple[str, Path, list[Span]]] = []
        for name, shown, wanted in cases():
            path = Path(folder) / f"{len(listed)}.mp4"
            path.write_bytes(videos.video(shown, rate=RATE, gop=250))
            listed.append((name, path, wanted))
        for file, starts in zip(arguments[::2], arguments[1::2], strict=True):
            listed.append((Path(file).name, Path(file), [(float(at), float(at)) for at in starts.split(",")]))
        for name, path, wanted in listed:
            line = io.StringIO()
            for detector, found in detectors.items():
                start = time.perf_counter()
                result = score(found(path), wanted)
                spent[detector] += time.perf_counter() - start
                total[detector] = [one + other for one, other in zip(total[detector], result, strict=True)]
                line.write(f"{'/'.join(map(str, result)):>12s}")
            print(f"{name:24s}{line.getvalue()}")
    print(f"{'all':24s}" + "".join(f"{'/'.join(map(str, one)):>12s}" for one in total.values()))
    f1 = [2 * right / max(2 * right + wrong + missed, 1) for right, wrong, missed in total.values()]
    print(f"{'F1':24s}" + "".join(f"{one:12.2f}" for one in f1))
    print(f"{'seconds':24s}" + "".join(f"{one:12.1f}" for one in spent.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
