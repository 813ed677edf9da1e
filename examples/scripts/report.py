"""The sample report: a PDF of three pages with headings, a ruled table and a figure, by PyMuPDF."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from weather import Month

A4 = (595.0, 842.0)
LEFT, RIGHT, TOP = 72.0, 523.0, 84.0
TITLE = "Field notes on a small weather station"

SITE = """The station stands on the south shoulder of Corran Hill, 214 metres above the sea and four \
kilometres from it. Open grass surrounds the mast on three sides; a stone wall, 1.3 metres high, runs \
twelve metres to the north. The nearest tree is a lone rowan, sixty metres away, which is far enough to \
keep its leaves out of the gauge in every month except November."""
INSTRUMENTS = """Temperature and humidity are read by one probe in a naturally ventilated screen, 1.5 \
metres above the grass. Rain is counted by a tipping-bucket gauge of 0.2 mm a tip, its rim 40 centimetres \
above the ground. Wind is measured by a cup anemometer at the top of the mast, ten metres up. A logger \
wakes every ten seconds, stores averages every ten minutes, and runs for nine days on its battery when the \
solar panel is covered by snow."""
KEEPING = """A visit takes forty minutes. We compare the probe with a whirling psychrometer, level the \
gauge, copy the memory card, and write down what the instruments cannot know: snow on the screen, sheep \
against the mast, a farm vehicle parked upwind."""
RAIN = """The year brought {total:,} mm of rain on {days} wet days; a wet day is one with 1 mm or more. \
{wettest.name} was the wettest month with {wettest.rain} mm, and {driest.name} the driest with \
{driest.rain} mm. Table 1 gives all months. October, November and December together brought {autumn} mm, \
more than a third of the year."""
READING = """Two cautions apply to the table. The gauge is not heated, so the rain of January and \
February contains snow that melted up to two days after it fell. And the gusts are the largest averages \
over three seconds, not the largest single readings, which are about a tenth higher."""
SEASONS = """Figure 1 sets rain against temperature. The two run against each other for most of the year: \
the driest weeks came while the air was warming in May and June, and the rain returned in August, before \
the temperature fell. The warmest month was July with a mean of 15.6 \N{DEGREE SIGN}C and the coldest \
January with 4.1 \N{DEGREE SIGN}C."""
GAPS = """{lost} hours of the year are missing. The longest gap, eleven hours on 17 August, followed a \
lightning strike on the power line at the farm, which reset the logger's clock. We did not fill gaps with \
values from neighbouring stations; missing values are stored as missing, and every monthly mean is the \
mean of the hours that exist."""
NEXT = """We would put the gauge in a ground-level pit, as wind of more than 8 m/s carries light rain over \
a raised rim, and by comparison with a pit gauge lent to us in spring we lose about six per cent. We would \
also log the battery's voltage: the four hours lost in November would have been foreseen a week ahead."""


class Writer:
    """Sets headings and paragraphs down a page, and turns to a new page where asked."""

    def __init__(self) -> None:
        import pymupdf

        self.document = pymupdf.open()
        self.outline: list[tuple[int, str, int]] = []
        self.turn()

    def turn(self) -> None:
        """Begins a page with its running head and number."""
        self.page = self.document.new_page(width=A4[0], height=A4[1])
        number = str(self.document.page_count)
        self.page.insert_text((LEFT, 50), "Corran Hill weather station, 2025", fontname="tiit", fontsize=9)
        self.page.insert_text((A4[0] / 2 - 3, 806), number, fontname="tiro", fontsize=9)
        self.y = TOP

    def heading(self, text: str, level: int = 1, size: float = 14) -> None:
        """A heading, noted in the outline."""
        self.y += size
        self.page.insert_text((LEFT, self.y), text, fontname="tibo", fontsize=size)
        self.outline.append((level, text, self.document.page_count))
        self.y += size * 0.8

    def paragraph(self, text: str, *, font: str = "tiro", size: float = 11) -> None:
        """A paragraph over the full width; ValueError when it does not fit on the page."""
        room = (LEFT, self.y, RIGHT, A4[1] - 60)
        left_over = self.page.insert_textbox(room, text, fontname=font, fontsize=size, lineheight=1.3)
        if left_over < 0:
            raise ValueError(f"the page is full before: {text[:40]}")
        self.y = A4[1] - 60 - left_over + 8

    def table(self, rows: Sequence[Sequence[str]], widths: Sequence[float], height: float = 18) -> None:
        """A ruled table, its first row bold."""
        edges = [LEFT + sum(widths[:column]) for column in range(len(widths) + 1)]
        for row, cells in enumerate(rows):
            base = self.y + height * (row + 1) - 5.5
            for column, cell in enumerate(cells):
                font = "tibo" if row in (0, len(rows) - 1) else "tiro"
                self.page.insert_text((edges[column] + 5, base), cell, fontname=font, fontsize=9.5)
        bottom = self.y + height * len(rows)
        for row in range(len(rows) + 1):
            y = self.y + height * row
            self.page.draw_line((edges[0], y), (edges[-1], y), width=0.7)
        for edge in edges:
            self.page.draw_line((edge, self.y), (edge, bottom), width=0.7)
        self.y = bottom + 14

    def picture(self, png: bytes, width: float, height: float) -> None:
        """An image in the middle of the column."""
        left = (LEFT + RIGHT - width) / 2
        self.page.insert_image((left, self.y, left + width, self.y + height), stream=png)
        self.y += height + 6

    def done(self) -> bytes:
        """The file; the same bytes for the same content."""
        self.document.set_toc([list(entry) for entry in self.outline])
        self.document.set_metadata(
            {
                "title": TITLE,
                "author": "The Argus team",
                "subject": "Sample document of the Argus demo; the station and its numbers are invented",
                "keywords": "weather, rain, sample, CC0",
                "creationDate": "D:20260105090000Z",
                "modDate": "D:20260105090000Z",
            }
        )
        data: bytes = self.document.tobytes(garbage=4, deflate=True, no_new_id=True)
        return data


def report(months: Sequence[Month], chart: bytes) -> bytes:
    """The PDF; `chart` is the PNG of Figure 1."""
    by_rain = sorted(months, key=lambda month: month.rain)
    facts = {
        "total": sum(month.rain for month in months),
        "days": sum(month.wet_days for month in months),
        "wettest": by_rain[-1],
        "driest": by_rain[0],
        "autumn": sum(month.rain for month in months[9:]),
        "lost": sum(month.lost for month in months),
    }
    writer = Writer()
    writer.heading(TITLE, size=20)
    writer.paragraph("Corran Hill, the year 2025. Sample text of the Argus project, CC0 1.0.", font="tiit")
    writer.heading("1 The site", 2)
    writer.paragraph(SITE)
    writer.heading("2 Instruments", 2)
    writer.paragraph(INSTRUMENTS)
    writer.heading("2.1 Keeping the record", 3, size=12)
    writer.paragraph(KEEPING)
    writer.turn()
    writer.heading("3 Rain", 2)
    writer.paragraph(RAIN.format(**facts))
    writer.y += 4
    writer.paragraph("Table 1: Monthly values at Corran Hill in 2025.", font="tiit", size=10)
    writer.table(_rows(months, facts), (86, 70, 70, 92, 82, 51))
    writer.paragraph(READING)
    writer.turn()
    writer.heading("4 The seasons", 2)
    writer.paragraph(SEASONS)
    writer.y += 4
    writer.picture(chart, 400, 224)
    writer.paragraph(
        "Figure 1: Monthly rain (bars, mm) and mean temperature (line, \N{DEGREE SIGN}C) at Corran Hill, 2025.",
        font="tiit",
        size=10,
    )
    writer.heading("5 Gaps in the record", 2)
    writer.paragraph(GAPS.format(**facts))
    writer.heading("6 What we would change", 2)
    writer.paragraph(NEXT)
    return writer.done()


def _rows(months: Sequence[Month], facts: dict[str, object]) -> list[tuple[str, ...]]:
    head = ("Month", "Rain (mm)", "Wet days", "Mean temp. (\N{DEGREE SIGN}C)", "Gust (m/s)", "Lost (h)")
    body = [
        (
            month.name,
            str(month.rain),
            str(month.wet_days),
            f"{month.temperature:.1f}",
            f"{month.gust:.1f}",
            str(month.lost),
        )
        for month in months
    ]
    mean = sum(month.temperature for month in months) / len(months)
    gust = max(month.gust for month in months)
    total = (
        "Year",
        f"{facts['total']:,}",
        str(facts["days"]),
        f"{mean:.1f}",
        f"{gust:.1f}",
        str(facts["lost"]),
    )
    return [head, *body, total]
