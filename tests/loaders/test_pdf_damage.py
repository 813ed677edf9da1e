"""Text layers that lie are told by their letters, and read from the pixels where there is an engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rag.loaders.pdf import PDF
from rag.loaders.pdf.damage import agrees, damaged
from rag.loaders.pdf.text import Line, PageText, legible

from rag.document import Element, Source
from rag.identity import digest
from rag.protocols import Recognised
from tests.golden import pdfs, texts
from tests.golden.recognisers import column

Write = Callable[[bytes], Source]


class Said:
    """A recogniser that reads the same lines in every picture."""

    fingerprint = "said"

    def __init__(self, found: list[Recognised]) -> None:
        self.found = found
        self.asked = 0

    def recognise(self, images: Any) -> list[list[Recognised]]:
        self.asked += len(images)
        return [self.found for _ in images]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(data: bytes) -> Source:
        path = tmp_path / "report.pdf"
        path.write_bytes(data)
        return Source("report.pdf", "application/pdf", digest(data), str(path))

    return written


def page(text: str) -> PageText:
    lines = [Line((72, 72, 400, 84), one, 10, 82) for one in pdfs.wrapped(text, 80)]
    return PageText(lines, 612, 792)


GERMAN = "Die Turbine wurde im Frühjahr geprüft und ihre Lager waren weit über das zulässige Maß hinaus abgenutzt. " * 5
FRENCH = "La turbine a été inspectée au printemps et ses paliers se sont révélés usés bien au-delà de la limite. " * 5
CODE = (
    'for (i = 0; i < rows; i++) { total += matrix[i][column] * weights[i]; printf("%d\\n", total); } return total; ' * 5
)
NUMBERS = "44,538 37,403 24,576 21,162 19,962 16,241 (78) 139 " * 20
CHINESE = "涡轮机在春季进行了检查，发现其轴承磨损超过了规定的极限。" * 20


@pytest.mark.parametrize("text", [pdfs.SENTENCE * 5, GERMAN, FRENCH, CODE, NUMBERS, CHINESE, "short", ""])
def test_what_people_write_is_not_damaged(text: str) -> None:
    assert not damaged(page(text))
    assert not damaged(page(texts.plain().decode()))


def shifted(text: str, by: int) -> str:
    return "".join(chr((ord(c) - 97 + by) % 26 + 97) if "a" <= c <= "z" else c for c in text.lower())


@pytest.mark.parametrize("text", [
    shifted(pdfs.SENTENCE * 5, 1), shifted(GERMAN, 7), "\ufffd\ufffd\ufffd\ufffd word \ufffd\ufffd\ufffd " * 20,
    "\ue001\ue002\ue003 \ue004\ue005\ue006 " * 20,
])  # fmt: skip
def test_what_nobody_writes_is(text: str) -> None:
    assert damaged(page(text))


def test_control_characters_are_shown_as_unreadable() -> None:
    assert legible("\x01\x02\x03\x04 \x05\x06") == "\ufffd" * 4 + " " + "\ufffd" * 2
    assert legible("one\x07 \x02two") == "one two"


@pytest.mark.parametrize(
    ("codes", "read"),
    [
        ("Roundo\x1b error is de\x1cned", "Roundoff error is defined"),
        ("a victim of \x1doating point, coe\x1ecient", "a victim of floating point, coefficient"),
        ("pages 12\x1515, \x10quoted\x11", "pages 12–15, “quoted”"),
        ("o\x0b the \x0crst", "off the first"),
        ("\x88 Kendall's tau", "• Kendall's tau"),
        ("2\x88 3", "2 3"),
    ],
)
def test_codes_of_tex_fonts_without_a_table_are_read_as_what_they_show(codes: str, read: str) -> None:
    assert legible(codes) == read


def test_a_layer_agrees_with_its_pixels_by_its_words() -> None:
    assert agrees(page(pdfs.SENTENCE * 2), page(pdfs.SENTENCE))
    assert not agrees(page(shifted(pdfs.SENTENCE, 1)), page(pdfs.SENTENCE))


def read(source: Source, engine: Any, recogniser: Said | None = None) -> tuple[list[Element], list[str]]:
    (part,) = PDF(engine=engine, recogniser=recogniser).load(source)
    return list(part.elements), [notice.message for notice in part.warnings]


@pytest.mark.parametrize("engine", ["mupdf", "pdfium"])
@pytest.mark.parametrize("kind", ["shifted", "nameless"])
def test_it_is_read_from_the_pixels(write: Write, engine: Any, kind: str) -> None:
    source = write(pdfs.damaged_text(kind))
    found, told = read(source, engine)
    assert told == [
        "page 1 has text of characters that mean nothing; pip install 'argus-rag[ocr]', or Debian's "
        "tesseract-ocr, would read them"
    ]
    recogniser = Said(column(pdfs.wrapped(pdfs.SENTENCE * 4, 80)))
    found, told = read(source, engine, recogniser)
    assert told == []
    assert recogniser.asked == 1
    assert " ".join(one.text for one in found) == (pdfs.SENTENCE * 4).strip()
    assert found[0].words


def test_it_stays_where_the_pixels_say_nothing_or_the_same(write: Write) -> None:
    source = write(pdfs.damaged_text())
    (layer, *_), _ = read(source, "pdfium")
    for seen in ([], column(pdfs.wrapped(layer.text, 60))):
        found, told = read(source, "pdfium", Said(seen))
        assert (found[0].text, told) == (layer.text, [])
