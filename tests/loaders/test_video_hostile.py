"""Recordings that are broken, lie about themselves, or want more than they may have."""

from __future__ import annotations

import io
import struct
import time
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from rag.loaders.audio import Audio
from rag.loaders.video import Video, container

from rag.document import Part, Source, TimeSpan
from rag.errors import SourceError
from rag.identity import digest
from tests.golden import videos


def written(folder: Path, data: bytes, media_type: str = "video/mp4") -> Source:
    path = folder / "hostile.bin"
    path.write_bytes(data)
    return Source(str(path), media_type, digest(data), str(path))


def read(source: Source, **options: float) -> list[Part]:
    return list(Video(**options).load(source))  # type: ignore[arg-type]


def refused(source: Source, **options: float) -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(source, **options)
    assert caught.value.source == source.uri
    return caught.value


def seconds(parts: list[Part]) -> float:
    return max(
        (place.end for part in parts for one in part.elements for place in one.origin.places
         if isinstance(place, TimeSpan)), default=0.0,
    )  # fmt: skip


def test_a_cut_file_without_its_index(tmp_path: Path) -> None:
    data = videos.narrated()
    assert refused(written(tmp_path, data[: len(data) // 2])).kind == "damaged"


def test_a_cut_file_is_read_up_to_the_cut(tmp_path: Path) -> None:
    data = videos.narrated(format="matroska")
    parts = read(written(tmp_path, data[: len(data) * 2 // 3], "video/x-matroska"))
    assert 2.0 < seconds(parts) < 6.0


def test_damage_in_the_middle_is_told_and_passed_over(tmp_path: Path) -> None:
    data = videos.narrated(gop=5)
    start = data.index(b"mdat") + 4
    length = len(data) - start - 2500
    broken = data[: start + length // 3] + bytes(600) + data[start + length // 3 + 600 :]
    parts = read(written(tmp_path, broken))
    told = [one for part in parts for one in part.warnings if "damaged packets" in one.message]
    assert len(told) == 1
    assert isinstance(told[0].place, TimeSpan)
    assert seconds(parts) == 6.0
    assert parts[-1].elements


def test_no_stream_at_all(tmp_path: Path) -> None:
    def box(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body) + 8) + name + body

    header = box(b"mvhd", bytes(12) + struct.pack(">II", 1000, 0) + bytes(80))
    data = box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", header)
    assert refused(written(tmp_path, data)).kind in ("empty", "damaged")


def test_a_claim_of_a_thousand_million_frames(tmp_path: Path) -> None:
    data = bytearray(videos.narrated(format="avi", codec="mpeg4", cues=()))
    at = data.index(b"avih") + 8 + 16  # dwTotalFrames
    data[at : at + 4] = struct.pack("<I", 10**9)
    assert seconds(read(written(tmp_path, bytes(data), "video/x-msvideo"))) == pytest.approx(6.0, abs=0.2)
    moved = bytearray(videos.narrated())
    for name in (b"mvhd", b"mdhd"):  # durations, in a header of version 0
        at = moved.index(name) + 4 + 16
        moved[at : at + 4] = struct.pack(">I", 0xFFFFFFF0)
    assert seconds(read(written(tmp_path, bytes(moved)))) == pytest.approx(6.0, abs=0.2)
    counted = bytearray(videos.narrated())
    at = counted.index(b"stts") + 8  # the entries of the first table: (count, length) pairs
    counted[at + 4 : at + 8] = struct.pack(">I", 10**9)
    assert seconds(read(written(tmp_path, bytes(counted)))) <= 6.2


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    large = videos.video([(Image.new("RGB", (7000, 6000)), 0.1)])
    assert refused(written(tmp_path, large)).kind == "limit"
    assert refused(written(tmp_path, videos.narrated()), max_pixels=1000).kind == "limit"


def test_more_bytes_than_allowed(tmp_path: Path) -> None:
    assert refused(written(tmp_path, videos.narrated()), max_bytes=1000).kind == "limit"


def test_what_is_too_long_is_left_out_and_told(tmp_path: Path) -> None:
    parts = read(written(tmp_path, videos.narrated()), max_seconds=3.0)
    assert seconds(parts) == pytest.approx(3.8)  # the words at the edge are whole
    assert any("max_seconds" in one.message for one in parts[0].warnings)


def test_sound_alone(tmp_path: Path) -> None:
    parts = read(written(tmp_path, videos.sound([(0.5, 2.0, "The pump starts.")])))
    assert [one.text for one in parts[0].elements] == ["The pump starts."]
    silent = read(written(tmp_path, videos.sound(format="mp4")))
    assert silent[0].elements == ()
    assert any("no transcriber" in one.message for one in silent[0].warnings)


def test_times_that_start_late_or_run_backwards(tmp_path: Path) -> None:
    """A transport stream starts at any time; its first picture is second 0."""
    stream = written(tmp_path, videos.narrated(format="mpegts", cues=()), "video/mp2t")
    assert read(stream)[0].elements[0].origin.places[0] == TimeSpan(0.0, 2.0)
    twice = videos.narrated(format="mpegts", cues=()) * 2  # the second half starts at the same time again
    parts = read(written(tmp_path, twice, "video/mp2t"))
    assert seconds(parts) == pytest.approx(12.0, abs=0.5)


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
JOINED = b"ffconcat version 1.0\nfile /etc/passwd\n"


@pytest.mark.parametrize("data", [PLAYLIST, JOINED, b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", b"", bytes(100)])
@pytest.mark.parametrize("media_type", ["video/mp4", "video/x-matroska", "video/mp2t"])
def test_a_playlist_opens_nothing(data: bytes, media_type: str, tmp_path: Path) -> None:
    assert refused(written(tmp_path, data, media_type)).kind in ("damaged", "empty")


@pytest.mark.parametrize("media_type", ["", "application/vnd.apple.mpegurl", "application/sdp", "application/dash+xml"])
def test_no_kind_is_guessed(media_type: str, tmp_path: Path) -> None:
    """FFmpeg would take it for a playlist, and play what it names."""
    (tmp_path / "secret.ts").write_bytes(videos.narrated(format="mpegts", cues=()))
    playlist = PLAYLIST.replace(b"file:///etc/passwd", str(tmp_path / "secret.ts").encode())
    assert refused(written(tmp_path, playlist, media_type)).kind == "unsupported"


def test_nothing_else_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the demuxer of playlists ever chosen, what it names would still be refused."""
    monkeypatch.setitem(container.DEMUXERS, "application/vnd.apple.mpegurl", "hls")
    (tmp_path / "secret.ts").write_bytes(videos.narrated(format="mpegts", cues=()))
    for name in (str(tmp_path / "secret.ts"), "secret.ts", "http://127.0.0.1:9/x.ts"):
        playlist = PLAYLIST.replace(b"file:///etc/passwd", name.encode())
        assert refused(written(tmp_path, playlist, "application/vnd.apple.mpegurl")).kind in ("refused", "damaged")


def test_attachments_are_no_part_of_a_recording(tmp_path: Path) -> None:
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file, av.open(io.BytesIO(videos.narrated())) as plain:
        stream = file.add_stream_from_template(plain.streams.video[0])
        file.add_attachment("evil.html", "text/html", b"<script>alert(1)</script>")
        for packet in plain.demux(plain.streams.video[0]):
            if packet.size:
                packet.stream = stream
                file.mux(packet)
    parts = read(written(tmp_path, out.getvalue(), "video/x-matroska"))
    assert b"evil.html" in out.getvalue()
    assert {one.role for part in parts for one in part.elements} == {"keyframe"}


@pytest.mark.parametrize("late", [80_000.0, 1_000_000.0])
def test_a_frame_that_claims_to_come_late(late: float, tmp_path: Path) -> None:
    pictures = [(videos.scene(at, 64, 48), 0.0) for at in range(3)]
    data = videos.video(pictures, times=[0.0, 1.0, late], format="matroska")
    start = time.monotonic()
    parts = read(written(tmp_path, data, "video/x-matroska"), max_seconds=10_000.0)
    assert seconds(parts) <= 10_000
    assert time.monotonic() - start < 60  # a frame for each second would take hours


def test_render_of_a_broken_file(tmp_path: Path) -> None:
    data = videos.narrated()
    for broken in (data[:1000], b"", bytes(3000)):
        with pytest.raises(SourceError):
            Video().render(written(tmp_path, broken), TimeSpan(1.0, 2.0), 144)
    with pytest.raises(SourceError):
        Video().render(written(tmp_path, videos.sound(), "audio/mp4"), TimeSpan(1.0, 2.0), 144)


BASES = [
    (videos.narrated(tone=6.0), "video/mp4"),
    (videos.narrated(format="matroska"), "video/x-matroska"),
    (videos.narrated(format="mpegts", cues=()), "video/mp2t"),
    (videos.narrated(format="avi", codec="mpeg4", cues=()), "video/x-msvideo"),
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    base=st.sampled_from(BASES),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=40),
    kept=st.floats(0.1, 1),
)
def test_any_damage_gives_parts_or_a_source_error(
    base: tuple[bytes, str], changes: list[tuple[float, int]], kept: float, tmp_path: Path
) -> None:
    data = bytearray(base[0][: int(len(base[0]) * kept)])
    for share, value in changes:
        data[int(share * len(data))] = value
    source = written(tmp_path, bytes(data), base[1])
    for loader in (Video(max_seconds=600), Audio(max_seconds=600)):
        try:
            parts = list(loader.load(source))
        except SourceError:
            continue
        assert [part.number for part in parts] == list(range(len(parts)))
        assert all(len(part.elements) <= 500 for part in parts)
