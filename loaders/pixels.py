"""Pictures as a person sees them: upright, on white, RGB, nothing hidden beside the pixels.

A model must not see another picture than its reader (orientation tags, transparency and palettes
have been used for that), so every picture is normalised before it is stored or shown.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from rag.document import Box, Media
from rag.errors import SourceError
from rag.extras import extra
from rag.identity import combined, digest
from rag.protocols import Assets

if TYPE_CHECKING:
    from PIL import Image as Pillow

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF")
_HEIF = "HEIF"
MAX_PIXELS = 80_000_000
LOSSLESS_PIXELS = 4_000_000
"""Larger pictures are kept as JPEG, whatever they were."""
NORMALISING = 1
"""Goes up when the same file would be normalised to other pixels."""


@contextmanager
def decoding(uri: str, place: str = "") -> Iterator[None]:
    """Turns what decoders raise about a broken or oversized picture into a SourceError."""
    from PIL import Image as pillow
    from PIL import UnidentifiedImageError

    try:
        yield
    except SourceError:
        raise
    except pillow.DecompressionBombError as error:
        raise SourceError(f"too many pixels: {error}", source=uri, kind="limit", place=place) from error
    except UnidentifiedImageError as error:
        raise SourceError("not a picture of a known format", source=uri, kind="damaged", place=place) from error
    except MemoryError as error:
        raise SourceError("too large for the memory at hand", source=uri, kind="limit", place=place) from error
    except (
        ArithmeticError, AttributeError, EOFError, LookupError, NotImplementedError, OSError, RuntimeError,
        SyntaxError, TypeError, ValueError, struct.error, zlib.error,
    ) as error:  # fmt: skip
        raise SourceError(f"damaged picture: {error}", source=uri, kind="damaged", place=place) from error


def opened(data: bytes | BinaryIO, uri: str, max_pixels: int = MAX_PIXELS) -> Pillow.Image:
    """The picture, its size checked from its header before anything is decoded.

    SourceError as `decoding` and `check_size`; MissingExtra for HEIC where its decoder is not installed.
    """
    from PIL import Image as pillow

    file = io.BytesIO(data) if isinstance(data, bytes) else data
    with decoding(uri):
        start = file.read(12)
        file.seek(0)
        image = pillow.open(file, formats=_heif() if _is_heif(start) else FORMATS)
    check_size(image, uri, max_pixels)
    return image


def _is_heif(start: bytes) -> bool:
    """A box structure that is not AVIF, which Pillow decodes itself."""
    return start[4:8] == b"ftyp" and start[8:12] not in (b"avif", b"avis")


def _heif() -> tuple[str, ...]:
    """libheif as a format of Pillow. Its own limits hold before ours can be checked."""
    with extra("heic"):
        from pillow_heif import register_heif_opener

    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)
    return (_HEIF, "AVIF")


def check_size(image: Pillow.Image, uri: str, max_pixels: int, place: str = "") -> None:
    """SourceError for a picture, or a page of one, of more pixels than the limit."""
    width, height = image.size
    if width * height > max_pixels:
        raise SourceError(
            f"{width} x {height} pixels, more than the limit of {max_pixels:,} (max_pixels)",
            source=uri,
            kind="limit",
            place=place,
        )
    if width * height == 0:
        raise SourceError("a picture without pixels", source=uri, kind="damaged", place=place)


def normalised(image: Pillow.Image, uri: str, place: str = "") -> Pillow.Image:
    """A new RGB picture: orientation applied, transparency on white, metadata left behind."""
    from PIL import Image as pillow

    with decoding(uri, place):
        image.load()
        turned = upright(image)
        if turned.mode in ("I;16", "I;16B", "I;16L", "I;16N", "I", "F"):
            turned = _eight_bits(turned)
        if "transparency" in turned.info or turned.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
            see_through = turned.convert("RGBA")
            seen = pillow.new("RGB", turned.size, "white")
            seen.paste(see_through, mask=see_through.getchannel("A"))
        else:
            seen = turned.convert("RGB")
        clean = pillow.new("RGB", seen.size)
        clean.paste(seen)
        return clean


def upright(image: Pillow.Image) -> Pillow.Image:
    """Turned and mirrored as its orientation tag says; as it is if the tag cannot be read."""
    from PIL import Image as pillow

    turn = orientation(image)
    methods = {
        2: pillow.Transpose.FLIP_LEFT_RIGHT,
        3: pillow.Transpose.ROTATE_180,
        4: pillow.Transpose.FLIP_TOP_BOTTOM,
        5: pillow.Transpose.TRANSPOSE,
        6: pillow.Transpose.ROTATE_270,
        7: pillow.Transpose.TRANSVERSE,
        8: pillow.Transpose.ROTATE_90,
    }
    return image.transpose(methods[turn]) if turn in methods else image


def orientation(image: Pillow.Image) -> int:
    """The orientation tag, 1 to 8; 1 where there is none or it makes no sense."""
    try:
        value = image.getexif().get(0x0112, 1)
    except Exception:  # a broken tag directory must not cost us the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def shown_size(image: Pillow.Image) -> tuple[int, int]:
    """Width and height in pixels once upright."""
    width, height = image.size
    return (height, width) if orientation(image) >= 5 else (width, height)


def _eight_bits(image: Pillow.Image) -> Pillow.Image:
    """16 bits, 32 bits or floats to 8: the full range of 16 bits, else from darkest to lightest."""
    import numpy as np
    from PIL import Image as pillow

    values = np.nan_to_num(np.asarray(image).astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (float(values.min()), float(values.max()))
    if image.mode == "I" and low >= 0 and 255 < high <= 65535:
        low, high = 0.0, 65535.0
    elif low >= 0 and high <= 255 and not image.mode.startswith("I;16"):
        low, high = 0.0, 255.0 if high > 1 else 1.0
    scaled = (values - low) * (255.0 / max(high - low, 1e-6))
    return pillow.fromarray(np.clip(np.rint(scaled), 0, 255).astype(np.uint8))


def encoded(image: Pillow.Image, lossless: bool) -> tuple[bytes, str]:
    """PNG or JPEG (quality 90) bytes, and their media type."""
    out = io.BytesIO()
    if lossless:
        image.save(out, "PNG", compress_level=6)
        return out.getvalue(), "image/png"
    image.save(out, "JPEG", quality=90, subsampling=0)
    return out.getvalue(), "image/jpeg"


def crop(image: Pillow.Image, box: Box, dpi: int) -> bytes:
    """The region as PNG at the picture's own resolution; smaller below 144 dpi, never larger."""
    from PIL import Image as pillow

    width, height = image.size
    left, top = min(int(box.left * width), width - 1), min(int(box.top * height), height - 1)
    right = max(left + 1, round(box.right * width))
    bottom = max(top + 1, round(box.bottom * height))
    cut = image.crop((left, top, right, bottom))
    if 0 < dpi < 144:
        size = (max(1, cut.width * dpi // 144), max(1, cut.height * dpi // 144))
        cut = cut.resize(size, pillow.Resampling.LANCZOS)
    return encoded(cut, lossless=True)[0]


def kept(image: Pillow.Image, name: str, was: str, assets: Assets) -> Media:
    """A normalised picture in the assets. `was` is the format it came in."""
    lossless = was not in ("JPEG", "WEBP", "HEIF", "AVIF") and image.width * image.height <= LOSSLESS_PIXELS
    data, media_type = encoded(image, lossless)
    return assets.put(data, media_type, name)


def asset_name(original: bytes | str, frame: int = 0) -> str:
    """Names a normalised picture by the bytes it was made from (or their sha256), so that neither
    another page that shows it nor another version of the codec stores it twice."""
    made_from = original if isinstance(original, str) else digest(original)
    return combined("picture", made_from, frame, NORMALISING)
