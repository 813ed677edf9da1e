"""Outlook messages made by code: a compound file of property streams."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_SECTOR, _MINI = 512, 64
_END, _FREE, _NONE = 0xFFFFFFFE, 0xFFFFFFFF, 0xFFFFFFFF
_TEXT, _BINARY = 0x001F, 0x0102


@dataclass
class Storage:
    """A folder of a compound file."""

    streams: dict[str, bytes] = field(default_factory=dict)
    storages: dict[str, Storage] = field(default_factory=dict)


def outlook(html: str = "") -> bytes:
    """A message with a plain body (or an HTML one), two recipients' worth of headers and an attachment."""
    root = Storage()
    values: dict[int, str | bytes] = {
        0x001A: "IPM.Note", 0x0037: "The grün pump", 0x0C1A: "Ann Grün", 0x0C1F: "ann@example.org",
        0x007D: "From: Ann Grün <ann@example.org>\r\nTo: bob@example.org\r\nDate: Mon, 04 Mar 2024 10:00:00 +0000\r\n",
    }  # fmt: skip
    if html:
        values[0x1013] = html.encode()
    else:
        values[0x1000] = "The pump is green.\r\n\r\nIt stands in the cellar.\r\n"
    _fill(root, values, struct.pack("<8xIIII8x", 0, 1, 0, 1))
    attached = Storage()
    _fill(attached, {0x3707: "../notes.txt", 0x3704: "notes.txt", 0x3701: b"Attached words.", 0x370E: "text/plain"},
          bytes(8), [(0x3705, 1)])  # fmt: skip
    root.storages["__attach_version1.0_#00000000"] = attached
    root.storages["__nameid_version1.0"] = Storage({"__substg1.0_00020102": b"", "__substg1.0_00030102": b"",
                                                    "__substg1.0_00040102": b""})  # fmt: skip
    return compound(root)


def _fill(storage: Storage, values: dict[int, str | bytes], header: bytes, numbers: list[tuple[int, int]] = []) -> None:  # noqa: B006
    told = header
    for id, value in values.items():
        kind = _TEXT if isinstance(value, str) else _BINARY
        data = value.encode("utf-16-le") if isinstance(value, str) else value
        storage.streams[f"__substg1.0_{id:04X}{kind:04X}"] = data
        told += struct.pack("<HHIII", kind, id, 6, len(data) + (2 if kind == _TEXT else 0), 0)
    for id, number in numbers:
        told += struct.pack("<HHIII", 3, id, 6, number, 0)
    storage.streams["__properties_version1.0"] = told


def compound(root: Storage) -> bytes:
    """A compound file (version 3) whose streams are all short ones."""
    entries: list[list[object]] = [["Root Entry", 5, _NONE, _NONE, _NONE, 0, 0]]
    mini = bytearray()
    table: list[int] = []
    _add(root, 0, entries, mini, table)
    mini += bytes(-len(mini) % _SECTOR)
    table += [_FREE] * (-len(table) % (_SECTOR // 4))
    mini_sectors, table_sectors = len(mini) // _SECTOR, len(table) * 4 // _SECTOR
    directory = b"".join(_entry(one) for one in entries)
    # sectors: the table, the directory, the table of short streams, the short streams
    directory += bytes(-len(directory) % _SECTOR)
    first = 1
    after = first + len(directory) // _SECTOR
    short = after + table_sectors
    entries[0][5:] = [short, len(mini)]
    directory = b"".join(_entry(one) for one in entries)
    directory += _entry(["", 0, _NONE, _NONE, _NONE, 0, 0]) * ((-len(directory) % _SECTOR) // 128)
    fat = [0xFFFFFFFD, *_chain(first, after), *_chain(after, short), *_chain(short, short + mini_sectors)]
    fat += [_FREE] * (_SECTOR // 4 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack(
        "<HHHHH6xIIIIIIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, first, 0, 4096, after, table_sectors, _END, 0
    )  # fmt: skip
    header += struct.pack("<I", 0) + struct.pack("<I", _FREE) * 108
    return (
        header + struct.pack(f"<{len(fat)}I", *fat) + directory + struct.pack(f"<{len(table)}I", *table) + bytes(mini)
    )


def _add(storage: Storage, at: int, entries: list[list[object]], mini: bytearray, table: list[int]) -> None:
    """Append what a storage holds; siblings hang on each other in the order that the format wants."""
    names = sorted([*storage.streams, *storage.storages], key=lambda name: (len(name), name.upper()))
    before = at
    for name in names:
        here = len(entries)
        if before == at:
            entries[at][4] = here
        else:
            entries[before][3] = here
        before = here
        if name in storage.storages:
            entries.append([name, 1, _NONE, _NONE, _NONE, 0, 0])
            _add(storage.storages[name], here, entries, mini, table)
            continue
        data = storage.streams[name]
        start = len(mini) // _MINI if data else _END
        entries.append([name, 2, _NONE, _NONE, _NONE, start, len(data)])
        sectors = -(-len(data) // _MINI)
        table += [len(table) + number + 1 for number in range(sectors - 1)] + ([_END] if sectors else [])
        mini += data + bytes(-len(data) % _MINI)


def _chain(start: int, end: int) -> list[int]:
    return [*range(start + 1, end), _END] if end > start else []


def _entry(one: list[object]) -> bytes:
    name, kind, left, right, child, start, size = one
    encoded = str(name).encode("utf-16-le")
    length = len(encoded) + 2 if name else 0
    return encoded + bytes(64 - len(encoded)) + struct.pack(
        "<HBBIII16xI16xIQ", length, kind, 1, left, right, child, 0, start, size
    )  # fmt: skip
