"""Pages of prose made by code: nested lists, footnotes with their marks, code, columns with a table of numbers."""

from __future__ import annotations

from typing import Any

from .pdfs import LETTER, SENTENCE, _bytes, _made, lines, wrapped

CODE = ["def wear(hours):", "    limit  = 9000   # hours", "", "    if hours > limit:", "        return  'worn'"]


def nested_list() -> bytes:
    """Items of three levels, one of them over two lines."""

    def fill(page: Any) -> None:
        y = lines(page, wrapped(SENTENCE * 2, 90), 72, 90) + 10
        for indent, text in (
            (0, "• Rotor"), (1, "– Blades of fibre, each of which is taken"), (None, "off and weighed"),
            (1, "– Bearings"), (2, "o|Front bearing"), (2, "o|Rear bearing"), (0, "• Tower"), (1, "– Ladder"),
        ):  # fmt: skip
            x = 80 + 20 * (indent if indent is not None else 1.5)
            bullet, _, rest = text.rpartition("|")
            page.insert_text((x, y), bullet, fontsize=10)
            page.insert_text((x + (14 if bullet else 0), y), rest, fontsize=10)
            y += 13
        lines(page, wrapped(SENTENCE * 2, 90), 72, y + 20)

    return _made(fill)


def footnotes() -> bytes:
    """Three marks in the text, set small and high, and their notes at the foot; "CO2" and "GPT-3" are no marks."""

    def fill(page: Any) -> None:
        lines(page, wrapped("The exhaust has CO2 and CH4 in it. " + SENTENCE * 3, 90), 72, 90)
        y = 160.0
        for words, mark, rest in (
            ("The limit is set by the maker", "1", "and was passed in May."),
            ("Another limit stands in the law.", "2", "It is lower."),
            ("A third one was proposed", "3", "and not kept."),
        ):
            page.insert_text((72, y), words, fontsize=10)
            x = 72 + _width(words, 10)
            page.insert_text((x, y - 3.5), mark, fontsize=6)
            page.insert_text((x + _width(mark, 6) + 3, y), rest, fontsize=10)
            y += 13
        lines(page, wrapped(SENTENCE * 8, 90), 72, y)
        y = 700.0
        for mark, note in (
            ("1", "See the manual of 2019,"),
            ("", "page 12."),
            ("2", "Act 14 of 2003."),
            ("3", "By the union."),
        ):
            page.insert_text((72, y - 2.5), mark, fontsize=5)
            page.insert_text((76, y), note, fontsize=8)
            y += 10

    return _made(fill)


def _width(text: str, size: float) -> float:
    import pymupdf

    return float(pymupdf.get_text_length(text, fontname="helv", fontsize=size))


def code() -> bytes:
    """A listing with indents, spaces within its lines and an empty line."""

    def fill(page: Any) -> None:
        y = lines(page, wrapped(SENTENCE * 2, 90), 72, 90) + 10
        y = lines(page, CODE, 90, y, size=9, step=11, font="cour") + 10
        lines(page, wrapped(SENTENCE * 2, 90), 72, y)

    return _made(fill)


def columns_with_numbers() -> bytes:
    """Two columns of text, the left one with a table that has more numbers than the column has lines."""
    import pymupdf

    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    y = lines(page, wrapped("LEFT begins. " + SENTENCE * 4, 48), 72, 90) + 14
    for row in range(14):
        page.insert_text((72, y), f"Blade {'ABCDEFGHIJKLMN'[row]}", fontsize=9)
        for column in range(4):
            page.insert_text((150 + 36 * column, y), f"{(row * 37 + column * 11) % 90 + 10}.5", fontsize=9)
        y += 12
    lines(page, wrapped("LEFT goes on. " + SENTENCE * 3, 48), 72, y + 14)
    lines(page, wrapped("RIGHT begins. " + SENTENCE * 16, 48), 320, 90)
    return _bytes(document)


def parted_name() -> bytes:
    """A name in capitals that is parted at the end of a line, and whole elsewhere."""

    def fill(page: Any) -> None:
        lines(
            page,
            ["A plot by gnuplot is made from a file. It is kept where GNU-", "PLOT finds it; an X-", "Ray is not."],
            72,
            90,
        )
        lines(page, wrapped("The X-ray of gnuplot is made. " * 3, 60), 72, 160)

    return _made(fill)


def bold_reference() -> bytes:
    """A paragraph whose last row is a reference in bold, and a row in bold that is a heading."""

    def fill(page: Any) -> None:
        y = lines(page, ["For the marks of the front bearing and of the rear one see the table of marks"], 72, 90)
        y = lines(page, ["(p. 58)."], 72, y, font="hebo") + 8
        y = lines(page, ["The wear of the front bearing is told by the table of marks that stands low"], 72, y)
        lines(page, ["Rear bearing"], 72, y, font="hebo")
        lines(page, wrapped(SENTENCE * 3, 60), 72, y + 13)

    return _made(fill)
