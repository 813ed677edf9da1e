"""What a picture file says about itself: a description, a name, when and by whom it was made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.document import LabelValue

if TYPE_CHECKING:
    from PIL import Image as Pillow

MAX_WORDS = 2000
"""Characters of a description; longer ones are cut."""

# What cameras and programs write where a description should stand.
_JUNK = re.compile(
    r"(olympus|sony|samsung|nikon|canon|kodak|casio|minolta|dcim|dsc|kinoma)\b.{0,24}|created with .{0,40}|"
    r"creator: gd-jpeg.{0,80}|"
    r"screenshot|untitled|default|ascii|unicode|image|photo|\W*|[\W\d_]+|(processed|edited) with .{0,40}",
    re.IGNORECASE | re.DOTALL,
)
_CAMERA_NAME = re.compile(
    r"^(img|dsc[nf]?|dscf|pxl|mvi|vid|p|pict|photo|image|picture|scan|screenshot|untitled|whatsapp|signal|wp|mg|gopr|dji)?"
    r"$",
    re.IGNORECASE,
)
_HEX = re.compile(r"^(?=.*\d)[0-9a-f]{6,}$", re.IGNORECASE)


def described(image: Pillow.Image) -> str:
    """The description that the file holds, or "": EXIF, IPTC, PNG text, in that order."""
    found: list[str] = []
    for value in _descriptions(image):
        words = _clean(value)
        if words and not _JUNK.fullmatch(words) and not any(words in other for other in found):
            found.append(words)
    return "\n".join(found)[:MAX_WORDS]


def _descriptions(image: Pillow.Image) -> Iterator[object]:
    exif = _exif(image)
    yield _wide(exif.get(0x9C9B))  # XPTitle
    yield exif.get(0x010E)  # ImageDescription
    yield _wide(exif.get(0x9C9C))  # XPComment
    yield _user_comment(exif.get(0x9286))
    caption = _iptc(image)
    yield from (caption.get((2, 5)), caption.get((2, 120)))
    info = {str(key).lower(): value for key, value in image.info.items() if isinstance(key, str)}
    yield from (info.get("title"), info.get("description"), info.get("comment"))


def _exif(image: Pillow.Image) -> dict[int, object]:
    """Tags of the main and the Exif directory; empty if they cannot be read."""
    try:
        exif = image.getexif()
        return {**dict(exif), **dict(exif.get_ifd(0x8769))}
    except Exception:  # broken tags are no reason to lose the picture
        return {}


def _iptc(image: Pillow.Image) -> dict[tuple[int, int], object]:
    from PIL import ImageFile, IptcImagePlugin

    if not isinstance(image, ImageFile.ImageFile):
        return {}
    try:
        return dict(IptcImagePlugin.getiptcinfo(image) or {})
    except Exception:
        return {}


def _wide(value: object) -> object:
    """Windows' own tags are UTF-16, as bytes or as a tuple of them."""
    if isinstance(value, tuple):
        value = bytes(part & 0xFF for part in value if isinstance(part, int))
    return value.decode("utf-16-le", errors="replace") if isinstance(value, bytes) else value


def _user_comment(value: object) -> object:
    """Eight bytes name the charset, then comes the text."""
    if not isinstance(value, bytes):
        return value
    name, body = value[:8].rstrip(b"\0 ").upper(), value[8:]
    if name == b"UNICODE":
        big = body[:2] == b"\xfe\xff" or (body[:1] == b"\0" and body[1:2] != b"\0")
        return body.decode("utf-16-be" if big else "utf-16-le", errors="replace").lstrip("\ufeff")
    return body if name in (b"ASCII", b"JIS", b"") else value


def _clean(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if not isinstance(value, str):
        return ""
    with suppress(UnicodeError):  # Pillow reads EXIF text as Latin-1, most programs write UTF-8
        value = value.encode("latin-1").decode("utf-8")
    printable = "".join(char if char.isprintable() else " " for char in value[: 4 * MAX_WORDS])
    return " ".join(printable.split())[:MAX_WORDS]


def humanised(name: str) -> str:
    """Words of a file name: "white-stove_kitchen.jpg" is "white stove kitchen".

    "" where the name says nothing: numbers, digests, a camera's own names.
    """
    stem = PurePath(name).stem
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|[\W_]+", " ", stem)
    words = spaced.split()
    telling = [
        word
        for word in words
        if not _HEX.match(word) and not _CAMERA_NAME.match(word.rstrip("0123456789")) and len(word) > 1
    ]
    return " ".join(words)[:MAX_WORDS] if telling else ""


def facts(image: Pillow.Image, *, camera: bool = False, place: bool = False) -> dict[str, LabelValue]:
    """When and by whom it was made, its format; on request by which `camera`, and the `place` in degrees."""
    exif = _exif(image)
    found: dict[str, LabelValue] = {"format": (image.format or "").lower()}
    for key, tags in (("created", (0x9003, 0x0132)), ("author", (0x013B,)), ("copyright", (0x8298,))):
        words = next((words for tag in tags if (words := _clean(exif.get(tag)))), "")
        if words:
            found[key] = words[:200]
    if re.match(r"\d{4}:\d\d:\d\d ", str(found.get("created", ""))):
        found["created"] = str(found["created"]).replace(":", "-", 2)
    if camera and (words := _camera(_clean(exif.get(0x010F)), _clean(exif.get(0x0110)))):
        found["camera"] = words
    return found | (_place(image) if place else {})


def _camera(maker: str, model: str) -> str:
    """Maker and model; many models name their maker themselves."""
    named = maker and model.casefold().startswith(maker.split()[0].casefold())
    return (model if named else f"{maker} {model}".strip())[:200]


def _place(image: Pillow.Image) -> dict[str, LabelValue]:
    """Degrees north and east, to some metres; empty where the tags are absent or make no sense."""
    try:
        tags = image.getexif().get_ifd(0x8825)
        found = {
            name: round(_degrees(tags[at + 1]) * (-1 if str(tags[at]).strip("\0 ").upper() in ("S", "W") else 1), 5)
            for name, at in (("latitude", 1), ("longitude", 3))
        }
    except Exception:  # broken tags are no reason to lose the picture
        return {}
    sensible = abs(found["latitude"]) <= 90 and abs(found["longitude"]) <= 180  # false for what is no number
    return dict(found) if sensible else {}


def _degrees(value: Sequence[float]) -> float:
    degrees, minutes, seconds = (float(one) for one in value)
    return degrees + minutes / 60 + seconds / 3600
