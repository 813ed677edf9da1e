"""A figure is found by the sentence that mentions it, and a hit on it shows that sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.cli import main
from tests.loaders.test_pdf_mentions import SAID, figured


def test_search_finds_the_figure_by_what_is_said_of_it(
    hashed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.pdf").write_bytes(figured())
    assert main(["add", str(tmp_path / "a.pdf"), "--corpus", str(hashed), "--workers", "0"]) == 0
    capsys.readouterr()
    assert main(["search", "vibration of the gearbox", "--corpus", str(hashed), "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    (figure,) = [one for one in hits if one["role"] == "figure"]
    assert [(one["text"], one["place"]["page"]) for one in figure["mentions"]] == [(SAID, 1)]
    assert main(["show", figure["chunk_id"], "--corpus", str(hashed), "--out", str(tmp_path / "f.png")]) == 0
    assert f"mentioned: {SAID}" in capsys.readouterr().out
