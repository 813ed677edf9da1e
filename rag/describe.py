"""A pipeline as a printed tree: each component by its name, with the arguments it was built with."""

from __future__ import annotations

import inspect
import os
import re
import types
from collections.abc import Iterator, Mapping

from rag.config import SERVICES

_SECRET = re.compile(r"(?i)key$|secret|password|passphrase|(^|_)token$|credential")


def describe(component: object, name: str = "") -> str:
    """The tree, one component or argument a line."""
    return "\n".join(_lines(component, name, 0))


def _lines(value: object, name: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    label = f"{name}: " if name else ""
    if isinstance(value, (Mapping, list, tuple)):
        yield f"{indent}{label}".rstrip()
        items = value.items() if isinstance(value, Mapping) else enumerate(value, 1)
        for key, one in items:
            yield from _lines(one, str(key), depth + 1)
        return
    if not _is_component(value):
        yield f"{indent}{label}{_plain(value)}"
        return
    plain, nested = _arguments(value)
    shown = ", ".join(f"{key}={one}" for key, one in plain.items())
    yield f"{indent}{label}{component_name(value)}{f' ({shown})' if shown else ''}"
    for key, one in nested.items():
        yield from _lines(one, key, depth + 1)


def component_name(value: object) -> str:
    """`retrievers/lexical` for a component of the rooms, else the class with its module."""
    kind = type(value)
    module = kind.__module__.removeprefix("rag.")
    return module.replace(".", "/") if module != kind.__module__ else f"{module}.{kind.__qualname__}"


def _is_component(value: object) -> bool:
    """Whether it is an object with a constructor to tell of, and no plain value, path or function."""
    kind = type(value)
    plain = (str, bytes, tuple, list, set, frozenset, os.PathLike, types.FunctionType, type)
    return kind.__module__ != "builtins" and not isinstance(value, plain) and bool(_parameters(kind))


def _parameters(kind: type) -> list[str]:
    try:
        return ["", *inspect.signature(kind).parameters]
    except (ValueError, TypeError):  # written in C: it does not tell
        return []


def _holds_components(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_holds_components(one) for one in value.values())
    if isinstance(value, (list, tuple)):
        return any(_holds_components(one) for one in value)
    return _is_component(value)


def _plain(value: object) -> str:
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    return f"{value.__module__}.{value.__qualname__}" if isinstance(value, types.FunctionType) else repr(value)


def _arguments(value: object) -> tuple[dict[str, str], dict[str, object]]:
    """Constructor arguments that the object still knows: plain ones, and components."""
    plain: dict[str, str] = {}
    nested: dict[str, object] = {}
    for name in _parameters(type(value))[1:]:
        one = getattr(value, name, getattr(value, f"_{name}", None))
        if one is None or (name in SERVICES and name != "encoder"):
            continue
        if _holds_components(one):
            nested[name] = one
        else:
            plain[name] = "'...'" if _SECRET.search(name) and one else _plain(one)
    return plain, nested
