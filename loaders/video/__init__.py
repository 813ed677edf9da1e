"""Recordings: the frames that stand for their scenes, and the words that are said in them."""

from .loader import Video

__all__ = ["Video"]
