"""Archives made by code, kind and hostile ones."""

from __future__ import annotations

import io
import struct
import tarfile
import warnings
import zipfile
import zlib
from collections.abc import Iterable

PUMP = b"The pump is blue and stands in the cellar."
MAST = b"# Mast\n\nThe mast is ten metres high.\n"


def zipped(members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these names and bytes, names as given and as often as given."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w", method) as archive:
            for name, data in members:
                info = zipfile.ZipInfo("x", (2024, 3, 1, 12, 0, 0))
                info.filename = name
                archive.writestr(info, data, method)
    return out.getvalue()


def taken(kind: str = "") -> bytes:
    """A tar of two texts, packed as `kind` says (gz, bz2, xz, or not at all)."""
    return tarred([("sub/pump.txt", PUMP), ("mast.md", MAST)], kind)


def tarred(members: Iterable[tuple[str, bytes] | tarfile.TarInfo], kind: str = "") -> bytes:
    """A tar of files, and of headers without bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{kind}", format=tarfile.PAX_FORMAT) as archive:  # type: ignore[call-overload]
        for one in members:
            if isinstance(one, tarfile.TarInfo):
                archive.addfile(one)
            else:
                info = tarfile.TarInfo(one[0])
                info.size = len(one[1])
                archive.addfile(info, io.BytesIO(one[1]))
    return out.getvalue()


def header(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    """A link, pipe or device."""
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def encrypted(name: str = "secret.txt") -> bytes:
    """A zip whose second member says that it is encrypted."""
    data = bytearray(zipped([("open.txt", PUMP), (name, b"words")]))
    local = data.rindex(b"PK\3\4")
    central = data.rindex(b"PK\1\2")
    data[local + 6] |= 1
    data[central + 8] |= 1
    return bytes(data)


def overlapping(copies: int = 50, size: int = 5_000_000) -> bytes:
    """A list of members that all name the same packed bytes, which pack well."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    plain = b"a" * size
    packed = packer.compress(plain) + packer.flush()
    crc = zlib.crc32(plain)
    name = b"0000.txt"
    fixed = struct.pack("<HHHHHIIIH", 20, 0, 8, 0, 0, crc, len(packed), size, len(name))
    local = b"PK\3\4" + fixed + b"\0\0" + name + packed
    entries = b""
    for number in range(copies):
        name = f"{number:04d}.txt".encode()
        fixed = struct.pack("<HHHHHIIIH", 20, 0, 8, 0, 0, crc, len(packed), size, len(name))
        entries += b"PK\1\2\x14\0" + fixed + struct.pack("<HHHHII", 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<HHHHIIH", 0, 0, copies, copies, len(entries), len(local), 0)
    return local + entries + b"PK\5\6" + end


def nested(depth: int) -> bytes:
    """Archives in archives, a text in each."""
    data = zipped([("deep.txt", PUMP)])
    for number in range(depth):
        data = zipped([("inner.zip", data), (f"level{number}.txt", MAST + str(number).encode())])
    return data
