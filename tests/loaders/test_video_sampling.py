"""Frames by VideoRAG's samplers, and key frames first."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image
from rag.loaders.video import Video
from rag.loaders.video.frames import Frames
from rag.loaders.video.sampling import uniform_indices

from tests.golden import videos
from tests.golden.images import scenery
from tests.loaders.test_video import Kept, frames, near, picture, spans, written

# --- the samplers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "count", "indices"),
    [(100, 4, [12, 37, 62, 87]), (10, 4, [1, 3, 5, 7]), (4, 4, [0, 1, 2, 3]), (2, 8, [0, 1]), (9, 8, list(range(8)))],
)
def test_uniform_positions_are_the_papers(total: int, count: int, indices: list[int]) -> None:
    assert uniform_indices(total, count) == indices


# --- on recordings --------------------------------------------------------------------------------


def shown(*numbers: int, seconds: float = 4.0, **options: Any) -> bytes:
    return videos.video([(videos.scene(at), seconds) for at in numbers], **options)


def test_uniform(tmp_path: Path) -> None:
    assets = Kept()
    parts = list(Video(sampling="uniform", frames=4, assets=assets).load(written(tmp_path, shown(0, 1, 2, 3))))
    assert spans(parts) == [(0.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0)]
    for number, element in enumerate(frames(parts)):
        assert near(picture(assets, element), (80, 100), videos.SCENES[number])


def test_kmeans_gives_a_picture_that_comes_back_once(tmp_path: Path) -> None:
    """Three pictures, one of them shown twice: three frames are kept, each for all its seconds."""
    assets = Kept()
    source = written(tmp_path, shown(0, 1, 0, 2))
    parts = list(Video(sampling="kmeans", frames=3, seed=1, assets=assets).load(source))
    assert spans(parts) == [(0.0, 4.0), (4.0, 8.0), (8.0, 12.0), (12.0, 16.0)]
    assert len(assets.kept) == 3
    assert [near(picture(assets, one), (80, 100), videos.SCENES[number])
            for one, number in zip(frames(parts), (0, 1, 0, 2), strict=True)] == [True] * 4  # fmt: skip
    assert list(Video(sampling="kmeans", frames=3, seed=1, assets=Kept()).load(source)) == parts


@pytest.mark.parametrize("sampling", ["scenes", "uniform", "kmeans"])
def test_a_part_has_no_more_frames_than_asked_for_and_no_gaps(sampling: str, tmp_path: Path) -> None:
    source = written(tmp_path, shown(*range(8), seconds=18.0, rate=2))
    for number in (2, 5):
        parts = list(Video(sampling=sampling, frames=number).load(source))  # type: ignore[arg-type]
        assert parts == list(Video(sampling=sampling, frames=number).load(source))  # type: ignore[arg-type]
        assert list(Video(sampling=sampling, frames=number).load(source, start=1)) == parts[1:]  # type: ignore[arg-type]
        found = spans(parts)
        assert found[0][0] == 0.0
        assert found[-1][1] == 144.0
        assert all(one[1] == other[0] for one, other in pairwise(found))
        if sampling != "kmeans":  # of which a picture may come back
            assert max(sum(start // 120 == at for start, _ in found) for at in (0, 1)) <= number + 1


@pytest.mark.parametrize("wrong", [{"sampling": "clever"}, {"frames": -1}, {"frames": 241}, {"decode": "some"}])
def test_wrong_options(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Video(**wrong)


# --- key frames first -----------------------------------------------------------------------------


def looked_at(folder: Path, data: bytes, monkeypatch: pytest.MonkeyPatch, **options: Any) -> tuple[list[Any], int]:
    """The spans, and how many frames were decoded for them beside key frames."""
    count = 0
    timed = Frames._timed

    def counted(self: Frames) -> Any:
        nonlocal count
        for one in timed(self):
            count += 1
            yield one

    with monkeypatch.context() as patch:
        patch.setattr(Frames, "_timed", counted)
        return spans(list(Video(**options).load(written(folder, data)))), count


def test_what_is_quiet_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = shown(0, 1, seconds=25.0, gop=50)  # a key frame each 5 seconds
    every, all_ = looked_at(tmp_path, data, monkeypatch, decode="all")
    found, few = looked_at(tmp_path, data, monkeypatch, decode="key")
    assert found == every == [(0.0, 25.0), (25.0, 50.0)]
    assert all_ == 500
    assert few < 200


def test_a_cut_at_a_key_frame_after_which_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key frame comes too soon after the frame looked at before it, and the next one 10 seconds later."""
    data = videos.video([(videos.scene(at, 64, 48), 20.0) for at in (0, 1)], rate=25, gop=250)
    found, _ = looked_at(tmp_path, data, monkeypatch)
    assert found == [(0.0, 20.0), (20.0, 40.0)]


@pytest.mark.parametrize("picture", [videos.scene(1), scenery(3, 160, 120)])
def test_what_comes_and_goes_between_key_frames_is_seen(
    picture: Image.Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = videos.video([(videos.scene(0), 22.0), (picture, 3.0), (videos.scene(0), 15.0)], gop=100)
    found, few = looked_at(tmp_path, data, monkeypatch)
    assert found == [(0.0, 22.0), (22.0, 25.0), (25.0, 40.0)]
    assert few < 320


def test_a_slow_fade_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = videos.scene(0), videos.scene(2)
    fade = [(Image.blend(before, after, step / 30), 0.1) for step in range(30)]
    data = videos.video([(before, 10), *fade, (after, 10)], gop=20)
    found, _ = looked_at(tmp_path, data, monkeypatch)
    assert found == looked_at(tmp_path, data, monkeypatch, decode="all")[0]
    assert len(found) == 2


def test_frames_that_are_all_key_frames_are_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found, count = looked_at(tmp_path, shown(0, 1, gop=1), monkeypatch)
    assert (found, count) == ([(0.0, 4.0), (4.0, 8.0)], 80)


# --- length ---------------------------------------------------------------------------------------


def test_ten_hours_in_bounded_memory(tmp_path: Path) -> None:
    times = [20.0 * at for at in range(1800)]
    pictures = [(videos.scene(at // 60, 64, 48), 0.0) for at in range(1800)]
    data = videos.video(pictures, times=times, format="matroska", cues=[(20.0 * at, 20.0 * at + 9, f"Sentence {at}.")
                                                                        for at in range(1800)])  # fmt: skip
    source = written(tmp_path, data, "long.mkv", "video/x-matroska")
    here, after, count = psutil.Process(), 0, 0
    for part in Video(assets=Kept()).load(source):
        count += 1
        assert len(part.elements) <= 20
        if part.number == 20:
            after = here.memory_info().rss
    assert count == 300
    assert here.memory_info().rss - after < 40_000_000
