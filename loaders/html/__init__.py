"""Web pages by lxml: blocks in reading order, each with the XPath that finds it again."""

from .loader import HTML

__all__ = ["HTML"]
