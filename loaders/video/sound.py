"""The sound of a recording in pieces, as a transcriber wants it: WAV, 16 kHz, one channel."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from rag.document import Source

from .container import Survey, packets

if TYPE_CHECKING:
    import numpy as np
    from av.audio.stream import AudioStream
    from av.container.input import InputContainer
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

RATE = 16000
SEARCHED = 10.0
"""Seconds before a piece's nominal end in which the quietest place is looked for."""
_QUIET = 0.3
_PREROLL = 1.0
_AFTER = 0.5
_JITTER = RATE // 40
SILENCE = 30.0
"""Largest sample (of 32767) of what holds no sound worth reading."""


def piece(
    open_: InputContainer, stream: AudioStream, survey: Survey, source: Source, begin: float, end: float, last: bool
) -> tuple[float, bytes | None]:
    """The sound that belongs to [begin, end): its first second and its WAV, None where it is silent.

    A piece starts and ends at the quietest 0.3 s of the SEARCHED seconds before its nominal bounds,
    so that no word is cut. What a piece holds depends on the sound around it alone.
    """
    import numpy as np

    from_ = max(0.0, begin - SEARCHED)
    samples = _read(open_, stream, survey, source, from_, end + _AFTER)
    edge, window = round((end - from_) * RATE), round(SEARCHED * RATE)
    first = _quietest(samples[:window]) if begin > 0 else 0
    stop = len(samples) if last else edge - window + _quietest(samples[edge - window : edge])
    cut = samples[first:stop]
    if cut.size == 0 or float(np.abs(cut.astype(np.int32)).max()) < SILENCE:
        return from_, None
    return from_ + first / RATE, wav(cut)


def wav(samples: Samples | list[int]) -> bytes:
    """16 kHz, 16 bits, one channel."""
    import wave

    import numpy as np

    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return out.getvalue()


def _quietest(samples: Samples) -> int:
    """The middle of the quietest 0.3 s; the later one of equals."""
    import numpy as np

    step = RATE // 20
    count = len(samples) // step
    width = round(_QUIET * RATE) // step
    if count <= width:
        return 0
    energy = np.square(samples[: count * step].astype(np.float64)).reshape(count, step).sum(axis=1)
    summed = np.convolve(energy, np.ones(width), "valid")
    at = len(summed) - 1 - int(np.argmin(summed[::-1]))
    return at * step + width * step // 2


def _read(
    open_: InputContainer, stream: AudioStream, survey: Survey, source: Source, begin: float, end: float
) -> Samples:
    """The samples of [begin, end); what is missing in between is silent."""
    import av
    import numpy as np

    out = np.zeros(round((end - begin) * RATE), np.int16)
    filled = 0
    _seek(open_, stream, survey, begin)
    resampler = _resampler()
    clock: float | None = None
    for packet in packets(open_, [stream], source):
        try:
            frames: list[Any] = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            at = float(frame.pts * frame.time_base) - survey.origin if frame.pts is not None else clock
            at = 0.0 if at is None else at
            length = frame.samples / max(frame.sample_rate, 1)
            clock = at + length
            if clock <= begin:
                continue
            if at >= end:
                return out[:filled]
            try:
                pieces = [one.to_ndarray().reshape(-1) for one in resampler.resample(frame)]
            except (av.FFmpegError, ValueError):  # the format changed on the way
                resampler = _resampler()
                continue
            made = np.concatenate(pieces) if pieces else out[:0]
            where = round((at - begin) * RATE)
            if filled and abs(where - filled) < _JITTER:
                where = filled  # rounded time stamps, and samples that the resampler holds back
            # What overlaps the sound before it is dropped: joined recordings repeat some of it.
            made = made[max(filled - where, 0) :]
            where = max(where, filled)
            made = made[: max(len(out) - where, 0)]
            out[where : where + len(made)] = made
            filled = where + len(made)
    return out[:filled]


def _seek(open_: InputContainer, stream: AudioStream, survey: Survey, begin: float) -> None:
    import av

    if begin <= 0 or not stream.time_base:
        return
    try:
        open_.seek(int((max(begin - _PREROLL, 0) + survey.origin) / stream.time_base), stream=stream)
    except (av.FFmpegError, OverflowError):
        open_.seek(0)


def _resampler() -> Any:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=RATE)
