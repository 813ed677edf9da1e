"""The door to PyMuPDF, which is imported at first use and is not typed."""

from __future__ import annotations

from typing import Any, TypeAlias

MuDocument: TypeAlias = Any
"""A pymupdf.Document."""
MuPage: TypeAlias = Any
"""A pymupdf.Page."""


def mupdf() -> Any:
    """The module `pymupdf`, silent: what goes wrong is said in our own messages."""
    import pymupdf

    library: Any = pymupdf
    # `find_tables` would print an advertisement; not every release has the switch.
    getattr(library, "no_recommend_layout", lambda: None)()
    tools: Any = library.TOOLS
    tools.mupdf_display_errors(False)
    tools.mupdf_display_warnings(False)
    return library


def turning(page: MuPage) -> Any:
    """From the coordinates of a turned page to those of the page as shown; None for one that is not turned.

    PyMuPDF's own `rotation_matrix` leaves out the page's unit.
    """
    angle: int = page.rotation % 360
    if not angle:
        return None
    width, height = page.rect.width, page.rect.height
    numbers = {90: (0, 1, -1, 0, width, 0), 180: (-1, 0, 0, -1, width, height), 270: (0, -1, 1, 0, 0, height)}
    return mupdf().Matrix(*numbers[angle])
