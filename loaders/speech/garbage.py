"""What a transcriber makes up where nobody speaks: one sign or one phrase, again and again.

The transcripts released with VideoRAG (arXiv 2501.05874) hold much of it. Whisper's own sign of it is that
a text packs too well (Radford et al. 2022, section 4.5); the share of different words is ours.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

Said = tuple[float, float, str]
_FEW_WORDS, _FEW_SIGNS, _FEW_DISTINCT = 8, 12, 4
_REPEATS = 3


def compression(text: str) -> float:
    """Bytes of a text for each byte that zlib packs it into."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def is_garbage(text: str, max_compression: float = 2.4, min_unique: float = 0.3) -> bool:
    """Whether a text packs better than `max_compression`, or fewer than `min_unique` of its words differ.

    The words are counted from 8 on; of shorter texts of 12 letters and more at least 5 differ. 0 switches
    a test off.
    """
    if max_compression and compression(text) > max_compression:
        return True
    words = text.casefold().split()
    if min_unique and len(words) >= _FEW_WORDS:
        return len(set(words)) < min_unique * len(words)
    signs = "".join(words)
    return bool(min_unique) and len(signs) >= _FEW_SIGNS and len(set(signs)) <= _FEW_DISTINCT


def without(
    said: Sequence[Said], max_compression: float = 2.4, min_unique: float = 0.3
) -> tuple[list[Said], list[Said]]:
    """What was said, and what is garbage: also a sentence from its third repetition in a row on."""
    kept: list[Said] = []
    garbage: list[Said] = []
    before, times = "", 0
    for one in said:
        plain = " ".join(one[2].casefold().split())
        times = times + 1 if plain == before else 0
        before = plain
        repeated = bool(min_unique) and times >= _REPEATS
        (garbage if repeated or is_garbage(one[2], max_compression, min_unique) else kept).append(one)
    return kept, garbage
