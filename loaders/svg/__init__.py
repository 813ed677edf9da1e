"""Drawings (SVG): see `loader`."""

from .loader import SVG

__all__ = ["SVG"]
