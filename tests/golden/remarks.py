"""A PDF with remarks, a form, links and an attachment."""

from __future__ import annotations

from typing import Any

import pymupdf

from .pdfs import LETTER, SENTENCE, _bytes, lines, wrapped

PHRASE = "pressure is stated"


def _field(page: Any, kind: int, name: str, value: object, top: float, **more: object) -> None:
    widget = pymupdf.Widget()
    widget.field_type = kind
    widget.field_name = name
    widget.field_value = value
    widget.rect = pymupdf.Rect(72, top, 220, top + 18)
    for key, one in more.items():
        setattr(widget, key, one)
    page.add_widget(widget)


def remarked() -> bytes:
    """Two pages: a highlight with a remark, a note, free text, a stamp, four form fields, two links, a file."""
    document = pymupdf.open()
    for text in ("The pressure is stated in chapter two, see the site for more.", "Chapter two"):
        page = document.new_page(width=LETTER[0], height=LETTER[1])
        y = lines(page, [text], 72, 100)
        lines(page, wrapped(SENTENCE * 4, 80), 72, y + 20)
    page = document[0]
    mark = page.add_highlight_annot(page.search_for(PHRASE)[0])
    mark.set_info(content="check this value", title="Ann")
    mark.update()
    page.add_text_annot((500, 300), "A sticky note")
    page.add_freetext_annot((72, 400, 300, 440), "Typed over the page")
    page.add_stamp_annot((72, 500, 200, 550), 0)
    address = {"kind": pymupdf.LINK_URI, "from": page.search_for("site")[0], "uri": "https://example.org/a"}
    page.insert_link(address)
    inner = {"kind": pymupdf.LINK_GOTO, "from": page.search_for("chapter two")[0], "page": 1}
    page.insert_link({**inner, "to": pymupdf.Point(72, 72)})
    _field(page, pymupdf.PDF_WIDGET_TYPE_TEXT, "name", "Ada", 600, field_label="Your name")
    _field(page, pymupdf.PDF_WIDGET_TYPE_CHECKBOX, "agree", True, 630)
    _field(page, pymupdf.PDF_WIDGET_TYPE_COMBOBOX, "colour", "blue", 660, choice_values=["red", "blue"])
    _field(page, pymupdf.PDF_WIDGET_TYPE_TEXT, "empty", "", 690)
    document.embfile_add("data.csv", b"a,b\n1,2\n", filename="data.csv", desc="the numbers")
    return _bytes(document)
