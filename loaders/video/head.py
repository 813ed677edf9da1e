"""What a recording says about itself: title, description, length, chapters."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from rag.document import Element, Head, LabelValue, Source, TimeSpan, labels

from ..image_words import humanised
from ..reading import file_name
from .container import Streams, Survey

if TYPE_CHECKING:
    from av.container.input import InputContainer

MOST_WORDS = 2000
MOST_CHAPTERS = 1000
_JUNK = re.compile(
    r"(lavf|lavc|handbrake|created with|made with|https?:)\S*.{0,60}|"
    r"(title|untitled|video|movie|unknown|undefined)\W*|\W*",
    re.IGNORECASE | re.DOTALL,
)


def tidy(value: object) -> str:
    """Words of a metadata field, "" for what programs write where a description should stand."""
    if not isinstance(value, str):
        return ""
    text = value[: 4 * MOST_WORDS]
    words = " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MOST_WORDS]
    return "" if _JUNK.fullmatch(words) else words


def _fields(open_: InputContainer) -> dict[str, str]:
    return {str(key).lower(): words for key, value in open_.metadata.items() if (words := tidy(value))}


def described(open_: InputContainer) -> str:
    """The description that its container holds, or ""."""
    told = _fields(open_)
    found: list[str] = []
    for key in ("description", "synopsis", "comment", "lyrics"):
        words = told.get(key, "")
        if words and not any(words in other for other in found):
            found.append(words)
    return "\n".join(found)[:MOST_WORDS]


def head(open_: InputContainer, streams: Streams, survey: Survey, source: Source) -> Head:
    """Title and facts; where it was recorded is left out: it is private."""
    told = _fields(open_)
    name = file_name(source)
    title = told.get("title", "")[:200] or humanised(name) or name
    found: dict[str, LabelValue] = {"duration": round(survey.end, 3)}
    if streams.video is not None:
        codec = streams.video.codec_context
        found |= {"codec": codec.name, "width": codec.width, "height": codec.height}
    if streams.audio is not None:
        found["sound"] = streams.audio.codec_context.name
    created = told.get("creation_time") or told.get("date", "")
    author = told.get("artist") or told.get("author", "")
    for key, words in (("created", created), ("author", author), ("album", told.get("album", "")),
                       ("copyright", told.get("copyright", ""))):  # fmt: skip
        if words:
            found[key] = words[:200]
    if chapters := len(open_.chapters()):
        found["chapters"] = chapters
    return Head(title, 0, "", labels(found))


class Chapters:
    """The chapter titles by time."""

    def __init__(self, open_: InputContainer, origin: float) -> None:
        told = sorted(
            (one["start"] * float(one["time_base"] or 0) - origin, tidy(one["metadata"].get("title"))[:200])
            for one in open_.chapters()[:MOST_CHAPTERS]
        )
        self._starts = [start for start, _ in told]
        self._titles = [title for _, title in told]

    def at(self, element: Element) -> tuple[str, ...]:
        """The chapter in which most of an element that is shorter than a chapter lies."""
        place = element.origin.places[0]
        if not isinstance(place, TimeSpan) or element.role == "paragraph":
            return ()
        number = bisect_right(self._starts, (place.start + place.end) / 2) - 1
        title = self._titles[number] if number >= 0 else ""
        return (title,) if title else ()
