"""The two drawings of the sample corpus, by Pillow: a chart and a cross-section, as PNG bytes."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from weather import Month

INK, GREY, BLUE, RED, PALE = "#222222", "#bbbbbb", "#3b75af", "#c44e36", "#dce8f3"


def chart(months: Sequence[Month]) -> bytes:
    """Bars of rain (mm, left axis) under a line of mean temperature (degrees C, right axis)."""
    image, draw = _canvas(1000, 560)
    left, right, top, bottom = 90, 910, 40, 470
    step = (right - left) / len(months)
    for mm in range(0, 201, 50):
        y = bottom - (bottom - top) * mm / 200
        draw.line([(left, y), (right, y)], fill=GREY, width=1)
        _write(draw, (left - 12, y), str(mm), anchor="rm", fill=BLUE)
        _write(draw, (right + 12, y), str(mm // 10), anchor="lm", fill=RED)
    line = []
    for number, month in enumerate(months):
        x = left + step * (number + 0.5)
        draw.rectangle(
            [x - step * 0.35, bottom - (bottom - top) * month.rain / 200, x + step * 0.35, bottom],
            fill=BLUE,
        )
        _write(draw, (x, bottom + 18), month.name[:3], anchor="mm")
        line.append((x, bottom - (bottom - top) * month.temperature / 20))
    draw.line(line, fill=RED, width=5, joint="curve")
    for x, y in line:
        draw.ellipse([x - 7, y - 7, x + 7, y + 7], fill=RED)
    draw.line([(left, top), (left, bottom), (right, bottom), (right, top)], fill=INK, width=2)
    _write(draw, (left, 18), "rain, mm", anchor="mm", fill=BLUE)
    _write(draw, (right, 18), "mean temperature, \N{DEGREE SIGN}C", anchor="rm", fill=RED)
    _write(draw, ((left + right) / 2, 528), "Corran Hill, 2025", anchor="mm")
    return _png(image)


def gauge() -> bytes:
    """Cross-section of a tipping-bucket gauge with its parts named."""
    image, draw = _canvas(480, 360)
    draw.rectangle([130, 40, 290, 320], outline=INK, width=3)
    draw.polygon([(130, 40), (290, 40), (218, 130), (202, 130)], fill=PALE, outline=INK)
    for x in range(160, 261, 12):
        draw.line([(x, 70), (x + 6, 70)], fill=INK, width=3)
    draw.line([(210, 130), (210, 168)], fill=BLUE, width=4)
    draw.polygon([(150, 172), (270, 204), (262, 232), (210, 200), (158, 214)], fill=PALE, outline=INK)
    draw.ellipse([203, 205, 217, 219], fill=INK)
    draw.rectangle([270, 226, 282, 256], fill=RED)
    draw.rectangle([200, 320, 220, 344], fill=BLUE)
    for y, target, name in (
        (70, (256, 70), "debris screen"),
        (112, (236, 100), "funnel"),
        (196, (258, 202), "tipping bucket"),
        (242, (282, 242), "reed switch"),
        (334, (220, 334), "drain"),
    ):
        draw.line([(330, y), target], fill=INK, width=1)
        _write(draw, (336, y), name, anchor="lm", size=18)
    return _png(image)


def _canvas(width: int, height: int) -> tuple[Image, ImageDraw]:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (width, height), "white")
    return image, ImageDraw.Draw(image)


def _write(
    draw: ImageDraw, at: tuple[float, float], text: str, *, anchor: str, fill: str = INK, size: int = 22
) -> None:
    from PIL import ImageFont

    draw.text(at, text, fill=fill, font=ImageFont.load_default(size), anchor=anchor)


def _png(image: Image) -> bytes:
    file = BytesIO()
    image.quantize(32).save(file, "PNG", optimize=True)
    return file.getvalue()
