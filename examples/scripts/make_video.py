"""Adds the spoken sentences to the narrated video as a subtitle track; picture and sound are not coded again.

    python examples/scripts/make_video.py narrated.mp4 [--out examples/corpus/narrated.mp4]

With the track, the plain install reads what is said; without it, the extra `speech` hears it.
"""

from __future__ import annotations

import argparse
import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
SAID = (
    (0.5, 5.18, "Chapter one. An open laptop computer stands on a desk."),
    (6.5, 11.22, "Chapter two. Large passenger jets are parked at the airport."),
    (12.5, 16.66, "Chapter three. A tennis player serves on a clay court."),
    (18.5, 23.69, "Chapter four. A white stove stands in a kitchen with wooden cabinets."),
)
METADATA = {
    "title": "Four photos with a voice",
    "copyright": "Photos: CC BY 2.0 and CC BY-SA 2.0, see NOTICE.md; the rest CC0 1.0",
}
MILLISECONDS = Fraction(1, 1000)
HEADER = b"[Script Info]\r\n\r\n[V4+ Styles]\r\n\r\n[Events]\r\n"


def subtitled(recording: bytes) -> bytes:
    """The recording with its packets as they are, and one more track of text."""
    out = io.BytesIO()
    with av.open(io.BytesIO(recording)) as old, av.open(out, "w", format="mp4") as new:
        new.metadata.update(METADATA)
        streams: dict[int, Any] = {one.index: new.add_stream_from_template(one) for one in old.streams}
        words: Any = new.add_stream("mov_text")
        words.codec_context.subtitle_header = HEADER
        words.metadata["language"] = "eng"
        packets: list[tuple[float, Any]] = []
        for packet in old.demux():
            if packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                packets.append((float(packet.dts * packet.time_base), packet))
        for start, end, text in SAID:
            packet = av.Packet(len(text).to_bytes(2, "big") + text.encode())
            packet.stream, packet.time_base = words, MILLISECONDS
            packet.pts = packet.dts = round(start * 1000)
            packet.duration = round((end - start) * 1000)
            packets.append((start, packet))
        for _, packet in sorted(packets, key=lambda one: one[0]):
            new.mux(packet)
    return out.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("--out", type=Path, default=CORPUS / "narrated.mp4")
    given = parser.parse_args()
    given.out.write_bytes(subtitled(given.recording.read_bytes()))
    print(f"{given.out.stat().st_size:8,} bytes  {given.out}")
