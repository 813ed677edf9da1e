"""Text layers behind pictures of pages: kept where they say what is seen, apart where they say other words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.beneath import FIRST, STEP, is_looked_at

from rag.document import PageRegion, Part, Source
from rag.protocols import Recognised
from tests.golden.pdf_layers import OTHER, SHOWN, large_figure, layered
from tests.golden.pdfs import SENTENCE, wrapped
from tests.golden.recognisers import column

both = pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
READ = column(wrapped(SHOWN * 6, 80), 0.1, 0.1)


class Said:
    """A recogniser that reads the same lines in every picture."""

    fingerprint = "said"

    def __init__(self, found: Sequence[Recognised] = READ) -> None:
        self.found = list(found)
        self.asked = 0

    def recognise(self, images: Any) -> list[list[Recognised]]:
        self.asked += len(images)
        return [self.found for _ in images]


def read(data: bytes, folder: Path, engine: Any = "mupdf", start: int = 0, **options: Any) -> list[Part]:
    path = folder / "a.pdf"
    path.write_bytes(data)
    return list(
        PDF(engine=engine, **options).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)), start=start)
    )


@both
@pytest.mark.parametrize("covered", [False, True])
def test_a_layer_that_says_other_words_is_apart(covered: bool, engine: Any, tmp_path: Path) -> None:
    (part,) = read(layered([OTHER], covered=covered), tmp_path, engine, recogniser=Said())
    shown = " ".join(one.text for one in part.elements if one.role != "hidden")
    hidden = " ".join(one.text for one in part.elements if one.role == "hidden")
    assert "turbine was inspected" in shown
    assert "sugar" not in shown
    assert "portion of sugar" in hidden
    (warning,) = part.warnings
    assert "other words than the page shows" in warning.message
    assert isinstance(warning.place, PageRegion)
    assert warning.place.page == 1
    assert warning.place.box.top < 0.13


@both
@pytest.mark.parametrize("covered", [False, True])
def test_a_layer_that_says_what_is_seen_stays(covered: bool, engine: Any, tmp_path: Path) -> None:
    recogniser = Said()
    (part,) = read(layered([SHOWN], covered=covered), tmp_path, engine, recogniser=recogniser)
    assert [one.role for one in part.elements] == ["paragraph"]
    assert not part.elements[0].words, "it was read from the layer"
    assert not part.warnings
    assert 0 < recogniser.asked <= 4


@both
@pytest.mark.parametrize("made", [lambda: layered([OTHER], over=True), large_figure], ids=["ground", "figure"])
def test_words_over_a_ground_or_beside_a_figure_are_not_looked_at(made: Any, engine: Any, tmp_path: Path) -> None:
    recogniser = Said()
    read(made(), tmp_path, engine, recogniser=recogniser, read_figures=False)
    assert recogniser.asked == 0


@pytest.mark.parametrize("found", [[], column(["xq zvk wqj", "qqz xkj vvw", "zzq kxw jqv"] * 3)])
def test_what_cannot_be_read_refutes_nothing(found: list[Recognised], tmp_path: Path) -> None:
    (part,) = read(layered([OTHER]), tmp_path, recogniser=Said(found))
    assert "sugar" in part.elements[0].text
    assert part.elements[0].role == "paragraph"


def test_a_page_in_eight_of_a_long_scan_is_looked_at(tmp_path: Path) -> None:
    recogniser = Said()
    read(layered([SHOWN] * 20), tmp_path, recogniser=recogniser)
    assert recogniser.asked <= 4 * (FIRST + 20 // STEP)
    assert [at for at in range(20) if is_looked_at(at)] == [0, 1, 2, 3, 8, 16]


def test_all_pages_of_a_part_are_looked_at_where_one_is_untrue(tmp_path: Path) -> None:
    layers = [SHOWN] * 8 + [OTHER] * 3 + [SHOWN]
    parts = read(layered(layers), tmp_path, recogniser=Said())
    pages = [one.origin.places[0].page for part in parts for one in part.elements if one.role == "hidden"]  # type: ignore[union-attr]
    assert pages == [9, 10, 11]
    assert read(layered(layers), tmp_path, recogniser=Said(), start=2) == parts[2:]


def test_without_ocr_it_is_told_that_nothing_was_compared(tmp_path: Path) -> None:
    (part,) = read(layered([SHOWN, OTHER]), tmp_path)
    (warning,) = part.warnings
    assert "2 of 2 pages (1-2) are pictures with text layers whose words were not compared" in warning.message
    assert "argus-rag[ocr]" in warning.message
    assert SENTENCE[:20] in part.elements[0].text
