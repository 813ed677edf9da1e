"""Sound files: what is said in them, with its seconds."""

from __future__ import annotations

from .video.loader import Video


class Audio(Video):
    """Reads sound as `Video` reads a recording without pictures: chapters, subtitles, else `transcriber`."""

    VERSION = 2
    media_types = ("audio/mpeg", "audio/mp4", "audio/wav", "audio/flac", "audio/ogg", "audio/aiff")
