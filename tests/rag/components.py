"""Components as users would write them, for the tests of the registry and of configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUILT: list[str] = []
"""What was built, in order."""


@dataclass(frozen=True)
class Leaf:
    """Plain arguments of every simple kind."""

    size: int = 3
    weight: float = 1.0
    name: str = "leaf"
    fast: bool = False
    mode: Literal["a", "b"] = "a"
    tags: tuple[str, ...] = ()
    known: frozenset[str] = frozenset()
    limit: int | None = None
    only_typed: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        BUILT.append(f"leaf {self.name}")
        if self.size < 0:
            raise ValueError(f"size must not be negative, got {self.size}")


@dataclass(frozen=True)
class Tree:
    """Other components, one by one, by name and in a list."""

    first: Leaf
    many: Mapping[str, Any] = field(default_factory=dict)
    row: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        BUILT.append("tree")


class Asking:
    """A plain class that takes services."""

    VERSION: ClassVar[int] = 1

    def __init__(
        self, catalog: object, *, assets: object = None, folder: Path | None = None, api_key: str = ""
    ) -> None:
        self._catalog = catalog
        self.assets = assets
        self.folder = folder
        self.api_key = api_key
        BUILT.append("asking")


def function(size: int) -> tuple[str, int]:
    """A component may be a function."""
    return "made", size
