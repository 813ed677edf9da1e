"""Which pictures look alike, by the difference hashes that loaders note of them (`look`).

A hash says for each of 256 neighbouring fields of the picture, made small, whether it is darker than
the next one. Copies in another size, format or quality differ in a few of them, other pictures in about
half. What is alike is worked out when it is asked for: so it holds over all documents, whatever the
order in which they came.
"""

from __future__ import annotations

from collections.abc import Mapping

LOOK = "look"
"""The key in a document's metadata."""
SIDE = 16
CLOSE = 20
"""Of 256 fields, those that may differ in the same picture: see docs/loaders-media.md."""
_BLOCK = 512


def near(looks: Mapping[str, object]) -> dict[str, list[str]]:
    """For each document (by digest) that looks like another those that it looks like, in the order given.

    `looks` maps digests to hashes in hexadecimal; what is no hash is passed over.
    """
    import numpy as np

    known = {name: bytes.fromhex(str(look)) for name, look in looks.items() if _is_hash(look)}
    if len(known) < 2:
        return {}
    names = list(known)
    hashes = np.frombuffer(b"".join(known.values()), np.uint8)
    signs = np.unpackbits(hashes).reshape(len(names), -1).astype(np.float32) * 2 - 1
    found: dict[str, list[str]] = {}
    for start in range(0, len(names), _BLOCK):
        # The product of signs is the fields that agree less those that differ.
        alike = signs[start : start + _BLOCK] @ signs.T
        for row, column in np.argwhere(alike >= SIDE * SIDE - 2 * CLOSE):
            if start + row != column:
                found.setdefault(names[start + row], []).append(names[column])
    return found


def _is_hash(look: object) -> bool:
    if not isinstance(look, str) or len(look) != SIDE * SIDE // 4:
        return False
    return all(char in "0123456789abcdef" for char in look)
