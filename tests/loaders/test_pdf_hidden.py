"""The what-you-see rule: what no reader sees is kept apart, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.pdf import PDF
from rag.loaders.pdf.engine import open_document
from rag.loaders.pdf.hidden import inked

from rag.document import PageRegion, Part, Source
from tests.golden import unseen


@pytest.fixture(autouse=True, params=["mupdf", "pdfium"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every test is done with both engines."""
    one: str = request.param
    monkeypatch.setitem(ENGINE, "engine", one)
    return one


ENGINE: dict[str, str] = {}


def read(folder: Path, data: bytes, **options: object) -> list[Part]:
    options = {**ENGINE, **options}
    path = folder / "a.pdf"
    path.write_bytes(data)
    return list(PDF(**options).load(Source("a.pdf", "application/pdf", "0" * 64, str(path))))  # type: ignore[arg-type]


CASES = {
    unseen.unpainted: "not painted",
    unseen.transparent: "not painted",
    unseen.white: "in the colour of its background",
    unseen.tiny: "smaller than 1 pt",
    unseen.same_as_box: "in the colour of its background",
    unseen.under_shape: "covered",
    unseen.under_picture: "covered",
    unseen.cropped: "outside",
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_unseen_text_is_kept_apart_told_and_never_evidence(make: Callable[[], bytes], tmp_path: Path) -> None:
    (part,) = read(tmp_path, make())
    hidden = [one for one in part.elements if one.role == "hidden"]
    assert " ".join(one.text for one in hidden).count(unseen.SECRET) >= 1
    assert not any(unseen.SECRET in one.text for one in part.elements if one.role != "hidden")
    assert any(CASES[make] in notice.message and isinstance(notice.place, PageRegion) for notice in part.warnings)
    place = next(notice.place for notice in part.warnings if CASES[make] in notice.message)
    assert isinstance(place, PageRegion)
    assert place == hidden[0].origin.places[0]
    assert "turbine" in " ".join(one.text for one in part.elements if one.role == "paragraph")
    assert not any("Ignore" in chunk.text for chunk in Structure()([part]))


def test_what_only_looks_suspicious_stays_text(tmp_path: Path) -> None:
    (part,) = read(tmp_path, unseen.visible())
    told = " ".join(one.text for one in part.elements if one.role != "hidden")
    for words in (
        "White on a bar", "Black on a bar", "White on a picture", "Orange on a picture", "Pale but there",
        "Outlined", "Black on a white box",
    ):  # fmt: skip
        assert words in told
    assert not part.warnings


def test_the_words_of_a_scanner_stay_where_the_picture_has_ink(tmp_path: Path) -> None:
    (part,) = read(tmp_path, unseen.scanned())
    assert "turbine was inspected" in " ".join(one.text for one in part.elements if one.role == "paragraph")
    assert ["were not compared with what is seen" in one.message for one in part.warnings] == [True]
    (part,) = read(tmp_path, unseen.scanned(unseen.SECRET))
    assert [one.text for one in part.elements if one.role == "hidden"] == [unseen.SECRET]
    assert "turbine was inspected" in " ".join(one.text for one in part.elements if one.role == "paragraph")


@pytest.mark.parametrize(
    "make",
    [unseen.unpainted, unseen.same_as_box, unseen.under_shape, unseen.under_picture],
    ids=lambda one: one.__name__,
)
def test_words_in_a_form_object_are_hidden_as_others_are(make: Callable[[], bytes], tmp_path: Path) -> None:
    (part,) = read(tmp_path, unseen.within_form(make()))
    assert [one.text for one in part.elements if one.role == "hidden"] == [unseen.SECRET]
    assert any(CASES[make] in notice.message for notice in part.warnings)


def test_a_picture_with_a_hole_covers_nothing(tmp_path: Path) -> None:
    (part,) = read(tmp_path, unseen.under_hole())
    assert "Seen through a hole" in " ".join(one.text for one in part.elements if one.role != "hidden")
    assert not part.warnings


def test_suspects_are_drawn_as_the_whole_page_is(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(unseen.visible())
    document = open_document("pdfium" if ENGINE["engine"] == "pdfium" else "mupdf", path)
    page = document[0]
    whole = page.gray(1.5, [(0, 0, page.width, page.height)])
    clips = [(70.0, 185.0, 200.0, 205.0), (70.5, 270.2, 300.1, 330.7)]
    parts = page.gray(1.5, clips)
    assert parts.shape == whole.shape
    assert (parts == 255).mean() > 0.5
    for left, top, right, bottom in clips:
        rows, columns = (
            slice(int(top * 1.5) + 1, int(bottom * 1.5) - 1),
            slice(int(left * 1.5) + 1, int(right * 1.5) - 1),
        )
        assert whole[rows, columns].std() > 5
        assert np.abs(whole[rows, columns].astype(int) - parts[rows, columns]).max() <= 1
    document.close()


def test_a_resumed_run_hides_the_same(tmp_path: Path) -> None:
    whole = read(tmp_path, unseen.white())
    assert whole == read(tmp_path, unseen.white())


@given(st.tuples(*[st.floats(-500, 500)] * 4), st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_blank_picture_has_no_ink_whatever_the_box(box: tuple[float, float, float, float], level: int) -> None:
    picture = np.full((60, 40), level, np.uint8)
    assert not inked(picture, box, 40.0)
