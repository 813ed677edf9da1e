"""The packaged weights: never fetched, checked, and their words put together again."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.ocr import rapidocr
from rag.loaders.ocr.rapidocr import RapidOCR

from rag.document import Box
from rag.errors import ConfigError, MissingExtra
from tests.golden.recognisers import png, written

PICTURE = png(written(["Bearing worn"], 420, 90))


@pytest.fixture(autouse=True)
def afresh() -> None:
    rapidocr._loaded.cache_clear()


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> Any:
        raise OSError("no network here")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "create_connection", refused)
    ((found,),) = RapidOCR().recognise([PICTURE])
    assert found.text == "Bearing worn"
    assert found.words[0].right < found.words[1].left


def test_it_runs_by_openvino_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    ((found,),) = RapidOCR().recognise([PICTURE])
    assert found.text == "Bearing worn"


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / rapidocr.MODELS["Det"][0]).write_bytes(b"other weights")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(rapidocr, "find_spec", lambda name: Spec())
    with pytest.raises(ConfigError, match=r"PP-OCRv6_det_small\.onnx of the package rapidocr is missing"):
        RapidOCR().recognise([PICTURE])


def test_without_the_package_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rapidocr, "find_spec", lambda name: None)
    assert RapidOCR().fingerprint == ""
    with pytest.raises(MissingExtra, match=r"argus-rag\[ocr\]"):
        rapidocr._weights("x.onnx", "")


def test_options_are_in_the_fingerprint_and_checked() -> None:
    assert RapidOCR(min_confidence=0.5).fingerprint != RapidOCR().fingerprint
    assert RapidOCR(threads=2).fingerprint == RapidOCR().fingerprint
    for options in ({"min_confidence": 1.5}, {"threads": 0}):
        with pytest.raises(ValueError):
            RapidOCR(**options)  # type: ignore[arg-type]


def corners(left: float, right: float) -> list[list[float]]:
    return [[left, 0], [right, 0], [right, 10], [left, 10]]


@pytest.mark.parametrize(
    ("text", "pieces", "boxes"),
    [
        ("of 82.8%", [("of", corners(0, 20)), ("82.8%", corners(30, 80))], [(0, 0.2), (0.3, 0.8)]),
        ("well-known fact", [("well-", corners(0, 20)), ("known", corners(20, 40)), ("fact", corners(60, 80))],
         [(0, 0.4), (0.6, 0.8)]),
        ("two words", [("twowords", corners(0, 80))], []),
        ("two words", [("two", corners(0, 20))], []),
        ("two words", [], []),
    ],
)  # fmt: skip
def test_words_from_the_pieces_of_the_engine(text: str, pieces: Any, boxes: list[tuple[float, float]]) -> None:
    found = rapidocr._words(text, [(piece, 0.9, box) for piece, box in pieces], (100, 10))
    assert found == tuple(Box(left, 0, right, 1) for left, right in boxes)
