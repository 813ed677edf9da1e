"""From a scan to a framed hit, by the real engine; and what was read before there was one."""

from __future__ import annotations

import io
from pathlib import Path

import pymupdf
import pytest
from PIL import Image
from rag.loaders.ocr.auto import Auto

import rag
from rag.drawing import COLOUR
from tests.golden.recognisers import png, written

LINES = ["Maintenance of the north mill", "The drive belt was renewed on 14 May.", "Next inspection in September."]


def scan() -> bytes:
    document = pymupdf.open()
    document.new_page(width=480, height=240).insert_image((0, 0, 480, 240), stream=png(written(LINES, 960, 480, 34)))
    data: bytes = document.tobytes(no_new_id=True)
    return data


def test_a_scan_is_stale_once_there_is_an_engine_and_then_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # whether Tesseract is installed here must not matter
    files = [tmp_path / "files" / name for name in ("belt.pdf", "0001.png")]
    files[0].parent.mkdir()
    files[0].write_bytes(scan())
    files[1].write_bytes(png(written(["Danger: high voltage"], 480, 90)))
    with rag.Corpus(tmp_path / "corpus") as corpus:
        with monkeypatch.context() as before:
            before.setattr(Auto, "fingerprint", "")
            report = corpus.add(files, workers=0)
        assert [one.status for one in report.outcomes] == ["done", "done"]
        assert "argus-rag[ocr]" in " ".join(one for outcome in report.outcomes for one in outcome.warnings)
        assert [one.status for one in corpus.add(files, workers=0).outcomes] == ["stale", "stale"]

        report = corpus.add(files, refresh=True)
        assert [(one.status, one.warnings) for one in report.outcomes] == [("updated", ()), ("updated", ())]
        hit = corpus.search("when was the drive belt renewed?", k=1)[0]
        assert hit.source == str(files[0])
        assert "belt was renewed on 14 May" in hit.text
        framed = Image.open(io.BytesIO(hit.image(144, page=True))).convert("RGB")
        red = [at for at in range(framed.height) if framed.getpixel((framed.width // 4, at)) == COLOUR]
        assert red, "a frame is drawn"
        assert framed.height * 0.02 < min(red) < max(red) < framed.height * 0.6, "around the lines, not the page"

        sign = corpus.search("high voltage", k=1)[0]
        assert (sign.source, sign.chunk.role) == (str(files[1]), "photo")
        assert "Danger: high voltage" in sign.text
        assert len(sign.places) == 2
