"""The pictures that the documentation draws: small, and showing what their captions say."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_warmest_words_are_those_that_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """None of them is in the question; the same picture comes out again, by its size and its warmest place."""
    monkeypatch.syspath_prepend(str(DOCS))
    import heat_and_moments

    monkeypatch.setattr(heat_and_moments, "IMAGES", tmp_path)
    heat_and_moments.heat_map()
    warmest = capsys.readouterr().out.rpartition(": ")[2].split(", ")
    assert warmest[0] == "lightning"
    assert {"power", "strike"} <= {word.strip() for word in warmest}
    with Image.open(tmp_path / "heat.png") as fresh, Image.open(DOCS / "images" / "heat.png") as shipped:
        assert fresh.size == shipped.size


def test_pictures_are_small() -> None:
    for name in ("heat.png", "moments.jpg"):
        assert (DOCS / "images" / name).stat().st_size < 150_000
