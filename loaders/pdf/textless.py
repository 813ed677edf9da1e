"""Pages whose words are in their pictures, and pictures that are the ground of a page's words."""

from __future__ import annotations

from collections.abc import Sequence

from .damage import damaged
from .document import Options
from .engine import OpenPage
from .figures import Figure, pictures
from .text import Line, PageText, Rect, area, inside


def is_picture(page: OpenPage, text: PageText, options: Options) -> bool:
    """Has a page no text layer worth the name, but pictures?"""
    return letters_of(text) < 20 and says_nothing(text, pictures(page, options, not text.lines))


def needs_reading(page: OpenPage, text: PageText, options: Options) -> bool:
    """Has a page to be read from its pixels, as far as that can be told without them?"""
    return is_picture(page, text, options) or damaged(text)


def letters_of(text: PageText) -> int:
    return sum(sum(map(str.isalnum, line.text)) for line in text.lines if not line.hidden)


def says_nothing(text: PageText, figures: Sequence[Figure]) -> bool:
    """Is what the page says in its pictures alone?"""
    letters = letters_of(text)
    page = text.width * text.height
    return bool(figures) and (not letters or (letters < 20 and any(area(f.box) > 0.5 * page for f in figures)))


def background(box: Rect, text: PageText, body: Sequence[Line]) -> bool:
    """Is a picture the ground that the page's text stands on (a scan with its text, a slide's look)?"""
    if area(box) < (0.3 if text.recognised else 0.8) * text.width * text.height:
        return False
    return sum(len(line.text) for line in body if not line.hidden and inside(box, *line.middle)) > 60
