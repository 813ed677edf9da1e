"""Pictures made by code: each function gives the bytes of a file."""

from __future__ import annotations

import io
import struct
import zlib

from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo


def drawing(width: int = 120, height: int = 80) -> Image.Image:
    """Red above left, green above right, blue below left, white below right."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2 - 1, height // 2 - 1), "red")
    draw.rectangle((width // 2, 0, width, height // 2 - 1), "green")
    draw.rectangle((0, height // 2, width // 2 - 1, height), "blue")
    return image


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def png(width: int = 120, height: int = 80, **texts: str) -> bytes:
    """A PNG with text chunks of these names."""
    info = PngInfo()
    for name, text in texts.items():
        info.add_itxt(name, text)
    return saved(drawing(width, height), "PNG", pnginfo=info)


def jpeg(orientation: int = 1, description: str = "", width: int = 120, height: int = 80) -> bytes:
    """A JPEG whose pixels must be turned as its tag says to be seen as `drawing`."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    if description:
        exif[0x010E] = description.encode()
    undo = {
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    image = drawing(width, height)
    if orientation in undo:
        image = image.transpose(undo[orientation])
    return saved(image, "JPEG", exif=exif.tobytes(), quality=95)


def see_through() -> bytes:
    """Black, half of it fully transparent."""
    image = Image.new("RGBA", (100, 60), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 50, 60))
    return saved(image, "PNG")


def tiff(pages: int = 3) -> bytes:
    frames = [drawing(60 + 10 * page, 60) for page in range(pages)]
    return saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def animation(frames: int = 3) -> bytes:
    shown = [drawing(60 + page, 60).resize((60, 60)) for page in range(frames)]
    shown[1].paste("black", (0, 0, 60, 60))
    return saved(shown[0], "GIF", save_all=True, append_images=shown[1:])


def heic(description: str = "", **options: object) -> bytes:
    """The drawing as iPhones save pictures (encoded by pillow-heif, which the loader does not use)."""
    from pillow_heif import register_heif_opener

    register_heif_opener()
    exif = Image.Exif()
    if description:
        exif[0x010E] = description.encode()
    return saved(drawing(), "HEIF", exif=exif.tobytes(), quality=90, **options)


def located(format: str = "JPEG") -> bytes:
    """A picture that says when, where and by which camera it was taken."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0132] = "Acme", "Acme X100", "2024:03:05 10:00:00"
    exif[0x8825] = {1: "S", 2: (33.0, 51.0, 25.2), 3: "E", 4: (151.0, 12.0, 36.0)}
    return saved(drawing(), format, exif=exif.tobytes())


def scenery(seed: int = 0, width: int = 320, height: int = 240) -> Image.Image:
    """Soft patches of light that no other seed has."""
    import numpy as np

    coarse = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def swollen(kind: bytes) -> bytes:
    """A PNG whose colour profile or text unpacks to 200 MB."""
    packed = zlib.compress(bytes(200_000_000), 9)
    chunk = {b"iCCP": b"p\0\0", b"zTXt": b"Description\0\0", b"iTXt": b"Description\0\1\0\0\0"}[kind] + packed
    plain = png()
    made = struct.pack(">I", len(chunk)) + kind + chunk + struct.pack(">I", zlib.crc32(kind + chunk))
    return plain[:33] + made + plain[33:]


def endless(frames: int = 100_000) -> bytes:
    """A GIF of so many frames."""
    shown = [drawing(), drawing().rotate(90), drawing().rotate(180)]
    data = saved(shown[0], "GIF", save_all=True, append_images=shown[1:], duration=50)
    start = data.index(b"\x21\xf9\x04")  # the first graphic control block
    second = data.index(b"\x21\xf9\x04", start + 8)
    third = data.index(b"\x21\xf9\x04", second + 8)
    return data[:second] + data[second:third] * frames + b";"


def claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims that many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
