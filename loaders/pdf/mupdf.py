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
