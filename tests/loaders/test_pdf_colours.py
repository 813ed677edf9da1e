"""PDF: what stands out by the colour of its letters, by what is behind them, or by a mark."""

from __future__ import annotations

from pathlib import Path

import pymupdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.pdf import PDF
from rag.loaders.pdf.colours import MOST
from rag.loaders.pdf.engine import Name

from rag.document import Element, PageRegion, Part, Source
from rag.serialise import dumps
from tests.golden import hues
from tests.golden.pdfs import LETTER, SENTENCE, _bytes, lines, wrapped


@pytest.fixture(scope="module", params=["mupdf", "pdfium"])
def engine(request: pytest.FixtureRequest) -> Name:
    one: Name = request.param
    return one


def read(folder: Path, data: bytes, engine: Name = "pdfium") -> Part:
    path = folder / "a.pdf"
    path.write_bytes(data)
    (one,) = PDF(engine=engine).load(Source("a.pdf", "application/pdf", "0" * 64, str(path)))
    return one


def told(element: Element) -> list[tuple[str, str, str, str]]:
    return [(element.text[run.start : run.end], run.letters, run.ground, run.mark) for run in element.coloured]


@pytest.fixture(scope="module")
def manual(engine: Name, tmp_path_factory: pytest.TempPathFactory) -> Part:
    return read(tmp_path_factory.mktemp("pdf"), hues.manual(), engine)


def test_letters_grounds_and_marks_are_kept_and_nothing_else(manual: Part) -> None:
    assert [run for element in manual.elements for run in told(element)] == [
        ("Pump Station Manual", "blue", "", ""),
        ("Safety at the pump", "green", "", ""),
        (hues.WARNING, "red", "", ""),
        (hues.BANNER, "white", "red", ""),
        (hues.ADVICE.rstrip("."), "", "green", "highlighted"),
        ("behind the blue door", "", "yellow", "highlighted"),
        ("400", "red", "", ""),
        ("Order new seals in March.", "red", "", ""),
    ]


def test_a_part_of_a_text_has_a_box_of_its_own(manual: Part) -> None:
    runs = {element.text[run.start : run.end]: run for element in manual.elements for run in element.coloured}
    start = 72 + pymupdf.get_text_length("Check the gauge. ", "helv", 10)
    (place,) = runs[hues.WARNING].places
    assert isinstance(place, PageRegion)
    assert place.page == 2
    assert place.box.left == pytest.approx(start / LETTER[0], abs=0.003)
    wide = pymupdf.get_text_length(hues.WARNING, "helv", 10)
    assert place.box.right == pytest.approx((start + wide) / LETTER[0], abs=0.003)
    assert place.box.top < 195 / LETTER[1] < place.box.bottom < 210 / LETTER[1]
    assert runs[hues.BANNER].places == ()  # all of its element


def test_a_page_that_is_turned_has_its_boxes_as_shown(engine: Name, tmp_path: Path) -> None:
    part = read(tmp_path, hues.manual(90), engine)
    runs = [
        run for element in part.elements for run in element.coloured if "Never" in element.text[run.start : run.end]
    ]
    (place,) = runs[0].places
    assert isinstance(place, PageRegion)
    box = place.box
    assert box.bottom - box.top > 5 * (box.right - box.left)  # it runs down the page
    assert box.left < 1 - 198 / LETTER[1] < box.right


def test_the_colour_of_the_body_is_not_kept(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page()
    for at, text in enumerate(wrapped(SENTENCE * 6, 80)):
        page.insert_text((72, 80 + 13 * at), text, fontsize=10, fontname="helv", color=hues.BLUE)
    page.insert_text((72, 300), "Red on its own", fontsize=10, fontname="helv", color=hues.RED)
    page.insert_text((72, 330), "Black on its own", fontsize=10, fontname="helv")
    page.insert_text((72, 360), "Nearly black", fontsize=10, fontname="helv", color=(0.2, 0.2, 0.22))
    part = read(tmp_path, _bytes(document), engine)
    assert [run for element in part.elements for run in told(element)] == [("Red on its own", "red", "", "")]


def test_links_in_their_usual_colour_do_not_stand_out(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page()
    lines(page, wrapped(SENTENCE * 6, 80), 72, 80)
    hues._mixed(page, 300, [("See ", (0, 0, 0)), ("Keller 1987", hues.BLUE), (" and ", (0, 0, 0)), ("this", hues.RED)])
    for box in page.search_for("Keller 1987"):
        page.insert_link({"kind": pymupdf.LINK_URI, "from": box, "uri": "https://example.org/"})
    part = read(tmp_path, _bytes(document), engine)
    assert [run for element in part.elements for run in told(element)] == [("this", "red", "", "")]


def test_a_card_on_a_panel_and_a_page_of_one_colour_are_no_grounds(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    page.draw_rect(page.rect, color=None, fill=(0.8, 0.9, 1))
    page.draw_rect((50, 300, 500, 500), color=None, fill=hues.RED)
    page.draw_rect((60, 310, 300, 400), color=None, fill=hues.WHITE)
    lines(page, wrapped(SENTENCE * 6, 80), 72, 80)
    lines(page, ["On the card."], 72, 340)
    page.insert_text((320, 470), "On the panel.", fontsize=10, fontname="helv", color=hues.WHITE)
    part = read(tmp_path, _bytes(document), engine)
    assert [run for element in part.elements for run in told(element)] == [("On the panel.", "white", "red", "")]


def test_a_run_over_several_lines_has_the_ends_of_lines_apart(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    words = [(word + " ", hues.RED if 8 <= at < 70 else (0, 0, 0)) for at, word in enumerate((SENTENCE * 5).split())]
    for at in range(0, len(words), 14):
        hues._mixed(page, 100 + 13 * at // 14, words[at : at + 14])
    lines(page, wrapped(SENTENCE * 9, 80), 72, 400)
    part = read(tmp_path, _bytes(document), engine)
    element = part.elements[0]
    (run,) = element.coloured
    assert element.text[run.start : run.end].split() == (SENTENCE * 5).split()[8:70]
    first, middle, last = [place.box for place in run.places if isinstance(place, PageRegion)]
    assert first.left > middle.left + 0.1
    assert first.bottom < middle.bottom < last.bottom
    assert last.right < middle.right


def test_a_colour_for_each_letter_is_bounded(engine: Name, tmp_path: Path) -> None:
    part = read(tmp_path, hues.rainbow(), engine)
    assert max(len(element.coloured) for element in part.elements) <= MOST
    assert len(dumps([element.coloured for element in part.elements])) < 60_000


@settings(max_examples=8, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["red", "blue", "plain"]), st.integers(1, 6)), min_size=1, max_size=9))
def test_runs_are_those_that_were_written(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[str, int]]
) -> None:
    """Whatever words of a paragraph are coloured, those and no others are, in both engines' chunks too."""
    inks = {"red": hues.RED, "blue": hues.BLUE, "plain": (0, 0, 0)}
    said = iter(f"w{number}" for number in range(100))
    words = [(next(said), colour) for colour, count in pieces for _ in range(count)]
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    lines(page, wrapped(SENTENCE * 8, 80), 72, 80)
    for at in range(0, len(words), 10):
        hues._mixed(page, 300 + 13 * at // 10, [(word + " ", inks[colour]) for word, colour in words[at : at + 10]])
    data = _bytes(document)
    for engine in ("pdfium", "mupdf"):
        part = read(tmp_path_factory.mktemp("pdf"), data, engine)  # type: ignore[arg-type]
        for held in (part.elements, list(Structure()([part]))):
            found = [
                (word, run.letters)
                for one in held
                for run in sorted(one.coloured, key=lambda run: run.start)  # type: ignore[attr-defined]
                for word in one.text[run.start : run.end].split()  # type: ignore[attr-defined]
            ]
            assert found == [(word, colour) for word, colour in words if colour != "plain"]


def test_the_stripes_of_a_table_do_not_stand_out(engine: Name, tmp_path: Path) -> None:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    lines(page, wrapped(SENTENCE * 6, 80), 72, 80)
    for row in range(13):
        top = 300 + 20 * row
        fill = hues.BLUE if row == 0 else (0.8, 0.9, 1) if row % 2 else None
        for column in range(3):
            box = (72 + 120 * column, top, 192 + 120 * column, top + 20)
            page.draw_rect(box, color=(0, 0, 0), fill=fill)
            text = ("Part", "Hours", "Cost")[column] if row == 0 else f"{('p', 'h', 'c')[column]}{row}"
            ink = hues.WHITE if row == 0 else hues.RED if text == "h7" else (0, 0, 0)
            page.insert_text((box[0] + 6, box[3] - 6), text, fontsize=10, fontname="helv", color=ink)
    part = read(tmp_path, _bytes(document), engine)
    (table,) = [element for element in part.elements if element.role == "table"]
    assert told(table) == [
        ("Part", "white", "blue", ""), ("Hours", "white", "blue", ""), ("Cost", "white", "blue", ""),
        ("h7", "red", "", ""),
    ]  # fmt: skip
