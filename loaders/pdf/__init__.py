"""PDF by PyMuPDF or PDFium: text in reading order, tables with cells, figures with captions, all with boxes."""

from .loader import PDF

__all__ = ["PDF"]
