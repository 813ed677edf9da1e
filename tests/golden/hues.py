"""A PDF and a web page with text in colours, on coloured grounds, and marked."""

from __future__ import annotations

from typing import Any

import pymupdf

from .pdfs import LETTER, SENTENCE, _bytes, lines, wrapped

RED, BLUE, GREEN, WHITE, YELLOW = (0.8, 0, 0), (0.1, 0.2, 0.8), (0, 0.5, 0.1), (1, 1, 1), (1, 0.95, 0.2)
WARNING = "Never open the valve while the pump runs."
BANNER = "Call the control room first"
ADVICE = "Grease the main bearing once a month."


def _mixed(page: Any, y: float, pieces: list[tuple[str, tuple[float, ...]]], x: float = 72, size: float = 10) -> None:
    """Words of several colours on one line."""
    for text, colour in pieces:
        page.insert_text((x, y), text, fontsize=size, fontname="helv", color=colour)
        x += pymupdf.get_text_length(text, "helv", size)


def manual(rotation: int = 0) -> bytes:
    """Three pages: page 2 has a green heading, a red sentence in black text, a white line on a red bar, a highlight
    annotation, words on a marker's yellow and a table with a red number; page 3 a red sentence of its own."""
    document = pymupdf.open()
    for _ in range(3):
        document.new_page(width=LETTER[0], height=LETTER[1])
    pages = [document[number] for number in range(3)]
    pages[0].insert_text((72, 90), "Pump Station Manual", fontsize=22, fontname="hebo", color=BLUE)
    lines(pages[0], wrapped(SENTENCE * 5, 80), 72, 130)
    page = pages[1]
    page.insert_text((72, 90), "Safety at the pump", fontsize=16, fontname="hebo", color=GREEN)
    lines(page, wrapped(SENTENCE * 3, 80), 72, 120)
    black = (0, 0, 0)
    _mixed(page, 200, [("Check the gauge. ", black), (WARNING, RED), (" Then write down the time.", black)])
    page.draw_rect((60, 240, 552, 266), color=RED, fill=RED)
    page.insert_text((72, 257), BANNER, fontsize=12, fontname="hebo", color=WHITE)
    lines(page, [f"Every pump has a log. {ADVICE} Oil is kept in the shed."], 72, 300)
    mark = page.add_highlight_annot(page.search_for(ADVICE)[0])
    mark.set_colors(stroke=(0.6, 1, 0.6))
    mark.update()
    start = 72 + pymupdf.get_text_length("The spare key hangs ", "helv", 10)
    end = start + pymupdf.get_text_length("behind the blue door", "helv", 10)
    page.draw_rect((start - 1, 331, end + 1, 344), color=None, fill=YELLOW)
    lines(page, ["The spare key hangs behind the blue door of the shed."], 72, 341)
    for row, (name, value) in enumerate((("Part", "Hours"), ("Seal", "400"), ("Bearing", "9000"))):
        for column, text in enumerate((name, value)):
            box = (72 + 120 * column, 380 + 20 * row, 192 + 120 * column, 400 + 20 * row)
            page.draw_rect(box, color=black)
            colour = RED if text == "400" else black
            page.insert_text((box[0] + 6, box[3] - 6), text, fontsize=10, fontname="helv", color=colour)
    lines(pages[2], wrapped(SENTENCE * 3, 80), 72, 100)
    pages[2].insert_text((72, 200), "Order new seals in March.", fontsize=10, fontname="helv", color=RED)
    if rotation:
        for page in pages:
            page.set_rotation(rotation)
    return _bytes(document)


def rainbow(count: int = 3000) -> bytes:
    """A page with a colour of its own for each letter."""
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    shape = page.new_shape()
    for at in range(count):
        x, y = 40 + 7 * (at % 75), 40 + 11 * (at // 75)
        colour = (at * 37 % 256 / 255, at * 91 % 256 / 255, at * 53 % 256 / 255)
        shape.insert_text((x, y), chr(97 + at % 26), fontsize=8, fontname="cour", color=colour)
    shape.commit()
    return _bytes(document)


PAGE = """<html><head><title>Pump station</title><style>
body { color: #222 } .warning { color: #c00000 } .tip { background: #fff59d } h2 { color: #0a7d2c } a { color: #06c }
.plain { color: #222 } td.over { color: red }
</style></head><body><h1>Pump station</h1>
<p>The pump starts by itself when the water is high. It stops when the tank is empty.</p>
<h2>Safety at the pump</h2>
<p>Check the gauge. <span class="warning">Never open the valve while the pump runs.</span> Then
<a href="log.html">write down the time</a>.</p>
<div class="warning"><p>Keep children away, <b class="plain">also at night</b>, from the shed.</p></div>
<p>Oil is kept in the shed. <mark>Grease the main bearing once a month.</mark> The
<span class="tip">spare key</span> hangs <u>behind the door</u>, <del>not under the mat</del>.</p>
<table><tr><th>Part</th><th>Hours</th></tr><tr><td>Seal</td><td class="over">400</td></tr>
<tr bgcolor="#99ccff"><td>Bearing</td><td>9000</td></tr></table>
<p style="background-color:#b00;color:white">Call the control room first.</p>
<pre><span style="color:green">print</span>("pump")</pre>
</body></html>"""
"""Text in colours of style sheets, attributes and tags."""
