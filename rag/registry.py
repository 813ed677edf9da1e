"""Names to classes: the one door from the core to the four rooms and to third parties.

A component's name is its place: `retrievers/lexical` is the class that the table COMPONENTS of
`rag.retrievers` names under `lexical`. Packages add theirs by entry points of the group
`rag.components`, whose names look the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from rag.errors import ConfigError, UnknownComponent

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ROOMS = ("loaders", "retrievers", "generators", "pipelines")
GROUP = "rag.components"


def names(prefix: str = "") -> list[str]:
    """Known component names under a prefix (`retrievers/encoders`), sorted."""
    known = [*_built_in(), *_plugins()]
    return sorted(name for name in known if not prefix or name == prefix or name.startswith(prefix + "/"))


def built_in(name: str) -> bool:
    """Whether it is one of our own: known without a look at what else is installed."""
    return name in _built_in()


def load(name: str) -> Callable[..., Any]:
    """The class or function of that name; its module is imported now.

    Raises UnknownComponent with the nearest names, MissingExtra where its libraries are absent.
    """
    if target := _built_in().get(name):
        component: Callable[..., Any] = attribute(*target.split(":"))
        return component
    if plugin := _plugins().get(name):
        loaded: Callable[..., Any] = plugin.load()
        return loaded
    raise UnknownComponent(name, names())


def attribute(module: str, name: str) -> Any:
    """An attribute of a module of this package, imported now."""
    return getattr(import_module(module), name)


@cache
def _built_in() -> dict[str, str]:
    return dict(_listed())


def _listed() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        table: dict[str, str] = import_module(f"rag.{room}").COMPONENTS
        for name, target in table.items():
            yield f"{room}/{name}", f"rag.{room}.{target}"


@cache
def _plugins() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in _built_in() or point.name in found:
            first = _distribution(found[point.name]) if point.name in found else "argus-rag"
            raise ConfigError(
                f"component {point.name!r} is offered by both {first} and {_distribution(point)}; "
                "uninstall one of them",
                key=point.name,
            )
        found[point.name] = point
    return found


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value
