"""What a transcriber makes up, and what people say."""

from __future__ import annotations

import pytest
from rag.loaders.speech.garbage import compression, is_garbage, without

SPOKEN = [
    "Yes.", "No, no, no.", "Ha ha ha!", "The pump starts at dawn, and the valve opens slowly.",
    "We will, we will rock you.", "One two three four five six seven eight nine ten.",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
    "泵在黎明时启动，绿色阀门缓慢打开，水箱在中午装满。", "0 1 1 2 3 5 8 13 21 34", "",
]  # fmt: skip
MADE_UP = ["a" * 300, "ほほほほほほほほほほほほほほほ", "the the the the the the the the the the", "Thank you. " * 12,
           "hahahahahahahahaha", "no no yes no no yes no no yes no no", ". . . . . . . . . . . ."]  # fmt: skip


@pytest.mark.parametrize("text", SPOKEN)
def test_speech_is_kept(text: str) -> None:
    assert not is_garbage(text)


@pytest.mark.parametrize("text", MADE_UP)
def test_repetition_is_not(text: str) -> None:
    assert is_garbage(text)
    assert not is_garbage(text, max_compression=0, min_unique=0)


def test_compression() -> None:
    assert compression("") == 0
    assert compression("a" * 300) > 20
    assert compression(SPOKEN[6]) < 2.0


def test_a_sentence_again_and_again() -> None:
    said = [(float(at), at + 0.5, text) for at, text in enumerate(["Yes.", *["Bye."] * 6, "Yes.", "bye. "])]
    kept, garbage = without(said)
    assert [text for _, _, text in kept] == ["Yes.", "Bye.", "Bye.", "Bye.", "Yes.", "bye. "]
    assert [start for start, _, _ in garbage] == [4.0, 5.0, 6.0]
