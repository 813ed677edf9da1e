"""The plain install: its packages and their size, read from the metadata of this environment."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ITSELF = "argus-rag"


def install() -> Iterator[dict[str, Any]]:
    """How many packages `pip install argus-rag` brings, itself among them, and their size on disk."""
    needed, missing = closure(ITSELF)
    sizes = {name: size(one) for name, one in needed.items()}
    largest = dict(sorted(sizes.items(), key=lambda item: -item[1])[:5])
    megabytes = sum(sizes.values()) / 1e6
    yield {
        "name": "packages of the plain install", "value": len(needed), "unit": "packages", "goal": 45,
        "met": len(needed) <= 45 and not missing, "missing": sorted(missing),
    }  # fmt: skip
    yield {
        "name": "size of the plain install", "value": round(megabytes), "unit": "MB", "goal": 750,
        "met": megabytes <= 750 and not missing,
        "largest": {name: round(count / 1e6) for name, count in largest.items()},
    }  # fmt: skip


def closure(name: str) -> tuple[dict[str, Distribution], set[str]]:
    """A package with all that it requires without extras asked for, by name; and what is not installed."""
    found: dict[str, Distribution] = {}
    missing: set[str] = set()
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset())]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        wanted, extras = waiting.pop()
        if (wanted, extras) in seen:
            continue
        seen.add((wanted, extras))
        try:
            found[wanted] = distribution(wanted)
        except PackageNotFoundError:
            missing.add(wanted)
            continue
        for text in found[wanted].requires or ():
            one = Requirement(text)
            asked = extras or frozenset({""})
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in asked):
                waiting.append((canonicalize_name(one.name), frozenset(one.extras)))
    return found, missing


def size(one: Distribution) -> int:
    """Bytes of a package's files on disk; of an editable install the few that pip has put down."""
    total = 0
    for path in one.files or ():
        if path.suffix != ".pyc":
            try:
                total += os.stat(str(path.locate())).st_size
            except OSError:
                continue
    return total
