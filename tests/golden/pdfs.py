"""Small PDFs made by code: each shows one thing that real files do to a reader."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pymupdf

LETTER = (612.0, 792.0)
SENTENCE = "The turbine was inspected in spring and its bearings were found to be worn beyond the limit. "


def _bytes(document: Any, **options: Any) -> bytes:
    data: bytes = document.tobytes(garbage=3, deflate=True, no_new_id=True, **options)
    document.close()
    return data


def _made(fill: Callable[[Any], None], pages: int = 1, size: tuple[float, float] = LETTER) -> bytes:
    document = pymupdf.open()
    for _ in range(pages):
        fill(document.new_page(width=size[0], height=size[1]))
    return _bytes(document)


def lines(
    page: Any, texts: Sequence[str], x: float, y: float, size: float = 10, step: float = 13, font: str = "helv"
) -> float:
    """Writes lines from baseline `y` down; returns the baseline after the last."""
    for text in texts:
        page.insert_text((x, y), text, fontsize=size, fontname=font)
        y += step
    return y


def wrapped(text: str, width: int) -> list[str]:
    """Text cut into lines of at most `width` characters."""
    found: list[str] = []
    for word in text.split():
        if found and len(found[-1]) + len(word) < width:
            found[-1] += " " + word
        else:
            found.append(word)
    return found


def picture(width: int = 120, height: int = 90, jpeg: bool = False) -> bytes:
    """A picture with noise, so that it is not an ornament of a few bytes."""
    samples = bytes((x * 7 + y * 13 + x * y) % 256 for y in range(height) for x in range(width) for _ in range(3))
    pixmap = pymupdf.Pixmap(pymupdf.csRGB, width, height, samples, False)
    data: bytes = pixmap.tobytes("jpeg" if jpeg else "png")
    return data


def headings() -> bytes:
    """A title, two levels of headings by size, paragraphs parted by gaps, a list and code."""

    def fill(page: Any) -> None:
        page.insert_text((72, 90), "Annual Turbine Report", fontsize=24, fontname="hebo")
        page.insert_text((72, 130), "Inspection", fontsize=16, fontname="hebo")
        y = lines(page, wrapped(SENTENCE * 4, 80), 72, 155)
        y = lines(page, wrapped(SENTENCE * 3, 80), 72, y + 12)
        page.insert_text((72, y + 20), "Bearings", fontsize=13, fontname="hebo")
        y = lines(page, wrapped(SENTENCE * 2, 80), 72, y + 45)
        y = lines(page, ["\u00b7 Replace the bearing of the main shaft", "\u00b7 Grease the gearbox"], 72, y + 15)
        lines(page, ["def wear(hours):", "    return hours / 9000"], 72, y + 15, font="cour")

    return _made(fill)


def outlined() -> bytes:
    """Headings that only the outline tells from text: they are set as the text is."""
    document = pymupdf.open()
    for chapter in ("Mooring", "Anchors"):
        page = document.new_page()
        y = lines(page, [chapter], 72, 90)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 20)
    document.set_toc([[1, "Ships", 1], [2, "Mooring", 1], [2, "Anchors", 2]])
    return _bytes(document)


ROWS = [
    ["Part", "Hours", "Price"],
    ["Bearing", "9000", "120.50"],
    ["Gearbox", "30000", "4100.00"],
    ["Blade", "80000", "9800.00"],
]


def ruled_table() -> bytes:
    """A grid of ruling lines with a caption above, between two paragraphs."""

    def fill(page: Any) -> None:
        lines(page, wrapped(SENTENCE * 3, 80), 72, 90)
        page.insert_text((72, 170), "Table 1: Service life of parts", fontsize=9)
        for row in range(len(ROWS) + 1):
            page.draw_line((72, 180 + 20 * row), (372, 180 + 20 * row))
        for column in range(4):
            page.draw_line((72 + 100 * column, 180), (72 + 100 * column, 260))
        for r, row in enumerate(ROWS):
            for c, text in enumerate(row):
                page.insert_text((78 + 100 * c, 194 + 20 * r), text, fontsize=10)
        lines(page, wrapped(SENTENCE * 3, 80), 72, 300)

    return _made(fill)


FINANCES = [
    ("", "2021", "2020"),
    ("Revenues", "$ 44,538", "$ 37,403"),
    ("Cost of sales", "24,576", "21,162"),
    ("Gross profit", "19,962", "16,241"),
    ("Other (income) expense, net", "(78)", "139"),
    ("NET INCOME", "$ 5,727", "$ 2,539"),
]


def borderless_table() -> bytes:
    """A financial statement: no lines, numbers aligned to the right, currency signs apart."""

    def fill(page: Any) -> None:
        lines(page, wrapped(SENTENCE * 3, 80), 72, 90)
        for r, (label, *values) in enumerate(FINANCES):
            y = 170 + 14 * r
            page.insert_text((72, y), label, fontsize=9)
            for c, value in enumerate(values):
                sign, _, number = value.rpartition(" ")
                right = 380 + 90 * c
                page.insert_text((right - pymupdf.get_text_length(number, fontsize=9), y), number, fontsize=9)
                if sign:
                    page.insert_text((right - 55, y), sign, fontsize=9)
        lines(page, wrapped(SENTENCE * 3, 80), 72, 290)

    return _made(fill)


def raster_figure(jpeg: bool = False, mask: bool = False) -> bytes:
    """A picture with its caption below, between two paragraphs."""

    def fill(page: Any) -> None:
        lines(page, wrapped(SENTENCE * 3, 80), 72, 90)
        alpha = bytes((x * 3) % 256 for _ in range(90) for x in range(120)) if mask else None
        stream = picture(jpeg=jpeg)
        if alpha:
            stencil = pymupdf.Pixmap(pymupdf.csGRAY, 120, 90, alpha, False).tobytes("png")
            page.insert_image(pymupdf.Rect(72, 150, 312, 330), stream=stream, mask=stencil)
        else:
            page.insert_image(pymupdf.Rect(72, 150, 312, 330), stream=stream)
        lines(page, ["Figure 3: The rotor seen from below, with", "the worn bearing on the left."], 72, 345, size=9)
        lines(page, wrapped(SENTENCE * 3, 80), 72, 400)

    return _made(fill)


def vector_figure() -> bytes:
    """A line chart drawn with curves, axis labels beside it, caption below."""

    def fill(page: Any) -> None:
        lines(page, wrapped(SENTENCE * 3, 80), 72, 90)
        page.draw_line((100, 300), (300, 300))
        page.draw_line((100, 160), (100, 300))
        for n in range(8):
            x = 105 + 22 * n
            page.draw_bezier((x, 290 - 9 * n), (x + 8, 250), (x + 12, 280), (x + 20, 281 - 9 * n))
            page.draw_circle((x, 290 - 9 * n), 3)
        page.insert_text((180, 312), "hours", fontsize=8)
        page.insert_text((86, 230), "wear", fontsize=8, rotate=90)
        page.insert_text((72, 335), "Fig. 2. Wear of the bearing over time.", fontsize=9)
        lines(page, wrapped(SENTENCE * 3, 80), 72, 380)

    return _made(fill)


def two_columns() -> bytes:
    """A title over two columns of running text, written row by row as some producers do."""

    def fill(page: Any) -> None:
        page.insert_text((72, 80), "A Title That Reaches Over Both of the Columns Below", fontsize=18)
        left = wrapped("LEFT begins here. " + SENTENCE * 9 + "LEFT ends here.", 42)
        right = wrapped("RIGHT begins here. " + SENTENCE * 9 + "RIGHT ends here.", 42)
        for n in range(max(len(left), len(right))):
            y = 120 + 13 * n
            if n < len(left):
                page.insert_text((72, y), left[n], fontsize=10)
            if n < len(right):
                page.insert_text((320, y), right[n], fontsize=10)

    return _made(fill)


def hyphens() -> bytes:
    """Words parted at the ends of lines, one of them a compound that keeps its hyphen; ligatures."""

    def fill(page: Any) -> None:
        texts = [
            "The well-known engineer opened the ma-",
            "chine and read the \ufb01le of the well-",
            "known turbine; the \ufb02ow was e\ufb03cient\u00ad",
            "ly measured and its control was good.",
        ]
        writer = pymupdf.TextWriter(page.rect)
        font = pymupdf.Font("cjk")
        for n, text in enumerate(texts):
            writer.append((72, 90 + 14 * n), text, font=font, fontsize=10)
        writer.write_text(page)
        page.parent.subset_fonts()

    return _made(fill)


def rotated(angle: int = 90, crop: bool = False) -> bytes:
    """A page with a word and a black square below it, turned, and cut if `crop` is set."""

    def fill(page: Any) -> None:
        page.insert_text((150, 160), "Turned heading of the page", fontsize=20, fontname="hebo")
        lines(page, wrapped(SENTENCE * 2, 50), 150, 200)
        page.draw_rect((150, 400, 200, 450), fill=(0, 0, 0))
        if crop:
            page.set_cropbox(pymupdf.Rect(100, 100, 500, 600))
        page.set_rotation(angle)

    return _made(fill)


def encrypted() -> bytes:
    """A file that opens only with a password."""
    document = pymupdf.open()
    document.new_page().insert_text((72, 72), "secret")
    return _bytes(document, encryption=pymupdf.PDF_ENCRYPT_AES_256, owner_pw="owner", user_pw="user")


def image_only(pages: Sequence[bool] = (True,)) -> bytes:
    """Scans: for each page whether it is a picture alone, else text."""
    document = pymupdf.open()
    for scanned in pages:
        page = document.new_page()
        if scanned:
            page.insert_image(page.rect, stream=picture(300, 400))
        else:
            lines(page, wrapped(SENTENCE * 3, 80), 72, 90)
    return _bytes(document)


def many_pages(count: int) -> bytes:
    """Pages of a heading and a paragraph, with running heads and page numbers."""
    document = pymupdf.open()
    for number in range(1, count + 1):
        page = document.new_page()
        page.insert_text((72, 40), "Handbook of Turbines", fontsize=8)
        if number % 5 == 1:
            page.insert_text((72, 90), f"Chapter {number // 5 + 1} of the book", fontsize=16, fontname="hebo")
        lines(page, wrapped(f"Page {number} speaks of part {number * 37}. " + SENTENCE * 3, 80), 72, 120)
        page.insert_text((300, 770), str(number), fontsize=8)
    return _bytes(document)


def labelled() -> bytes:
    """Four pages with the printed labels i, ii, 1, 2."""
    document = pymupdf.open()
    for _ in range(4):
        lines(document.new_page(), wrapped(SENTENCE, 80), 72, 90)
    document.set_page_labels([{"startpage": 0, "style": "r"}, {"startpage": 2, "style": "D"}])
    return _bytes(document)


def with_metadata(**values: str) -> bytes:
    """A page of text under a line of large type, with the metadata given."""
    document = pymupdf.open()
    page = document.new_page()
    page.insert_text((72, 100), "Largest Words of Page One", fontsize=26)
    lines(page, wrapped(SENTENCE * 4, 80), 72, 140)
    document.set_metadata(values)
    return _bytes(document)


def huge_page() -> bytes:
    """A page of 200 by 200 inches, the most that a PDF may have."""
    return _made(lambda page: page.insert_text((72, 90), "Far out"), size=(14_400, 14_400))


def damaged_page() -> bytes:
    """Three pages of which the second is no page object at all."""
    document = pymupdf.open()
    for number in range(3):
        lines(document.new_page(), wrapped(f"Page number {number + 1}. " + SENTENCE, 80), 72, 90)
    document.xref_set_key(document[1].xref, "Resources", "(broken)")
    document.xref_set_key(document[1].xref, "MediaBox", "[0 0 (a) null]")
    document.xref_set_key(document[1].xref, "Contents", "99999 0 R")
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    return buffer.getvalue()


def no_pages() -> bytes:
    """A well-formed file whose page tree is empty."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    at = len(out)
    out += b"xref\n0 3\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size 3/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % at
    return bytes(out)


def damaged_text(kind: str = "shifted") -> bytes:
    """A page whose picture says what its text layer does not.

    `shifted`: no table from glyphs to Unicode, so that each letter is read as another; `nameless`: the
    table names private characters alone.
    """
    document = pymupdf.open()
    page = document.new_page()
    writer, font = pymupdf.TextWriter(page.rect), pymupdf.Font("cjk")
    for n, text in enumerate(wrapped(SENTENCE * 4, 80)):
        writer.append((72, 90 + 14 * n), text, font=font, fontsize=10)
    writer.write_text(page)
    document.subset_fonts()
    for xref in range(1, document.xref_length()):
        if document.xref_get_key(xref, "ToUnicode")[0] == "null":
            continue
        if kind == "shifted":
            document.xref_set_key(xref, "ToUnicode", "null")
        else:
            table = int(document.xref_get_key(xref, "ToUnicode")[1].split()[0])
            document.update_stream(
                table,
                b"/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
                b"1 begincodespacerange <0000> <ffff> endcodespacerange\n"
                b"1 beginbfrange <0000> <00ff> <e000> endbfrange\nendcmap end end",
            )
    return _bytes(document)
