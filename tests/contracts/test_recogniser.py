"""What holds for every recogniser: by real weights, by a program, by what is installed, by code."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from rag.errors import SourceError
from rag.protocols import Recognised, Recogniser
from rag.registry import load, names
from tests.golden.recognisers import SHADES, Shaded, line, png, program, written

TESTED = {"loaders/ocr/rapidocr", "loaders/ocr/tesseract", "loaders/ocr/auto", "fake"}


def make(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Recogniser:
    if name == "fake":
        return Shaded({0: [line("Bearing worn", 0.1, 0.1, 0.5, 0.3)], 255 // SHADES: []})
    if name == "loaders/ocr/rapidocr":
        monkeypatch.setenv("PATH", str(folder))
    else:
        monkeypatch.setenv("PATH", str(program(folder / "bin").parent))
    built: Recogniser = load(name)()
    return built


@pytest.fixture(params=sorted(TESTED))
def recogniser(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recogniser:
    return make(request.param, tmp_path, monkeypatch)


WORDS = png(written(["Bearing worn"], 420, 90))
BLANK = png(Image.new("RGB", (420, 90), "white"))
OTHER = png(written(["Replace the main shaft 2041"], 560, 90))


def test_every_recogniser_is_here() -> None:
    assert set(names("loaders/ocr")) == TESTED - {"fake"}


def test_nothing_asked_nothing_done(recogniser: Recogniser) -> None:
    assert recogniser.recognise([]) == []


def test_it_has_a_name_that_stays(recogniser: Recogniser) -> None:
    assert recogniser.fingerprint
    assert recogniser.fingerprint == recogniser.fingerprint


def test_pictures_keep_their_order_and_are_the_same_alone(recogniser: Recogniser) -> None:
    together = recogniser.recognise([WORDS, BLANK, OTHER])
    assert len(together) == 3
    if isinstance(recogniser, Shaded):
        return
    assert together[1] == []
    assert together[0] != together[2]
    assert together == [recogniser.recognise([one])[0] for one in (WORDS, BLANK, OTHER)]
    for found in together:
        for one in found:
            check(one)


def check(one: Recognised) -> None:
    assert one.text == " ".join(one.text.split())
    assert 0 < one.confidence <= 1
    assert 0 <= one.box.left < one.box.right <= 1
    assert 0 <= one.box.top < one.box.bottom <= 1
    assert 0 < one.size < 1
    assert len(one.words) == len(one.text.split(" "))
    lefts = [box.left for box in one.words]
    assert lefts == sorted(lefts)
    for box in one.words:
        assert one.box.left - 0.02 <= box.left <= box.right <= one.box.right + 0.02


def noise() -> bytes:
    dice = random.Random(5)
    return png(Image.frombytes("RGB", (200, 120), bytes(dice.randrange(256) for _ in range(200 * 120 * 3))))


@pytest.mark.parametrize("made", [noise, lambda: png(Image.new("RGB", (3, 3))), lambda: png(Image.new("1", (60, 40)))])
def test_what_holds_no_words_gives_few(recogniser: Recogniser, made: Callable[[], bytes]) -> None:
    (found,) = recogniser.recognise([made()])
    assert len(found) <= 1


@pytest.mark.parametrize("data", [b"", b"no picture", b"/etc/passwd\n", BLANK[:60]])
def test_what_is_no_picture_is_refused(recogniser: Recogniser, data: bytes) -> None:
    if isinstance(recogniser, Shaded):
        return
    with pytest.raises(SourceError) as caught:
        recogniser.recognise([data])
    assert caught.value.kind == "damaged"
