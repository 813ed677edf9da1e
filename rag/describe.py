"""A pipeline as a printed tree: each component by its name, with the arguments it was built with."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping

from rag.config import SERVICES


def describe(component: object, name: str = "") -> str:
    """The tree, one component or argument a line."""
    return "\n".join(_lines(component, name, 0))


def _lines(value: object, name: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    label = f"{name}: " if name else ""
    if isinstance(value, Mapping):
        yield f"{indent}{label}".rstrip()
        for key, one in value.items():
            yield from _lines(one, str(key), depth + 1)
        return
    if not _is_component(value):
        yield f"{indent}{label}{value!r}"
        return
    plain, nested = _arguments(value)
    shown = ", ".join(f"{key}={one!r}" for key, one in plain.items())
    yield f"{indent}{label}{component_name(value)}{f' ({shown})' if shown else ''}"
    for key, one in nested.items():
        yield from _lines(one, key, depth + 1)


def component_name(value: object) -> str:
    """`retrievers/lexical` for a component of the rooms, else the class with its module."""
    kind = type(value)
    module = kind.__module__.removeprefix("rag.")
    return module.replace(".", "/") if module != kind.__module__ else f"{module}.{kind.__qualname__}"


def _is_component(value: object) -> bool:
    kind = type(value)
    return kind.__module__ != "builtins" and not isinstance(value, (str, bytes, tuple, list, set))


def _arguments(value: object) -> tuple[dict[str, object], dict[str, object]]:
    """Constructor arguments that the object still knows: plain ones, and components."""
    plain: dict[str, object] = {}
    nested: dict[str, object] = {}
    for name in inspect.signature(type(value)).parameters:
        one = getattr(value, name, getattr(value, f"_{name}", None))
        if one is None or (name in SERVICES and name != "encoder"):
            continue
        if isinstance(one, Mapping) or (_is_component(one) and not callable(one)):
            nested[name] = one
        else:
            plain[name] = one
    return plain, nested
