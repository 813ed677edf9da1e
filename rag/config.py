"""TOML to components, components to a tree.

A table with `use` is a component and its other keys are constructor arguments; nested tables are
built first; `"@name"` is a part shared by name (`[parts.name]`, or one that the corpus brings).
The constructor's signature is the schema: every mistake is reported at once, before anything
heavy is built. A parameter named like a service (`assets`, `catalog`, ...) is filled by the
builder; a table may name another part for it, but no plain value.
"""

from __future__ import annotations

import inspect
import tomllib
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from rag import registry
from rag.errors import ConfigError, RagError

SERVICES = frozenset({"assets", "catalog", "encoder", "counter", "lexicon", "net", "progress", "reading"})
Table = Mapping[str, Any]


def read(path: str | Path) -> dict[str, Any]:
    """A TOML file; ConfigError naming the file and line if it is not one."""
    try:
        with open(path, "rb") as file:
            return tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"not valid TOML: {error}", path=str(path)) from error
    except OSError as error:
        raise ConfigError(f"cannot read: {error.strerror}", path=str(path)) from error


class Builder:
    """Builds components from tables, each shared part once.

    `services` maps a service name to the object; `parts` maps a shared name to its table or to a
    ready object; `path` is the file that messages name.
    """

    def __init__(self, services: Table = {}, parts: Table = {}, path: str = "") -> None:  # noqa: B006
        self._services = services
        self._parts = parts
        self._path = path
        self._built: dict[str, Any] = {}

    def build(self, table: Table, key: str = "") -> Any:
        """The component that a table describes; ConfigError listing all mistakes, also of its parts."""
        if not isinstance(table, Mapping) or "use" not in table:
            raise ConfigError(
                f"{key or 'a component'} needs a table with `use`, got {table!r:.80}", path=self._path, key=key
            )
        if problems := list(self.problems(table, key)):
            raise ConfigError("; ".join(problems), path=self._path, key=key)
        return self._value(table)

    def problems(self, value: Any, key: str = "") -> Iterator[str]:
        """What is wrong with a table and the parts that it names, one sentence each."""
        # Each part is looked at once; `open` are those that lead to the one in hand.
        yield from self._problems(value, key, set(), ())

    def _problems(self, value: Any, key: str, seen: set[str], open: tuple[str, ...]) -> Iterator[str]:
        if isinstance(value, Mapping):
            if "use" in value:
                yield from self._component_problems(value, key)
            for name, one in value.items():
                yield from self._problems(one, f"{key}.{name}" if key else str(name), seen, open)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                yield from self._problems(one, f"{key}[{number}]", seen, open)
        elif _is_reference(value):
            yield from self._part_problems(value[1:], key, seen, open)

    def _part_problems(self, name: str, key: str, seen: set[str], open: tuple[str, ...]) -> Iterator[str]:
        if name not in self._parts:
            yield f"{key}: no part named {'@' + name!r}{_near(name, self._parts)}"
        elif name in open:
            ring = " -> ".join(f"@{one}" for one in (*open[open.index(name) :], name))
            yield f"{key}: parts name each other in a ring: {ring}"
        elif name not in seen:
            seen.add(name)
            yield from self._problems(self._parts[name], f"parts.{name}", seen, (*open, name))

    def _component_problems(self, table: Table, key: str) -> Iterator[str]:
        where = f"{key}: " if key else ""
        try:
            component = registry.load(str(table["use"]))
        except RagError as error:
            yield f"{where}{error}"
            return
        parameters = _parameters(component)
        given = set(table) - {"use"}
        for name in sorted(given - set(parameters)):
            yield f"{where}{table['use']} takes no {name!r}{_near(name, set(parameters) - SERVICES)}"
        for name, parameter in parameters.items():
            if name not in given:
                filled = name in SERVICES and name in self._services
                if parameter.default is parameter.empty and not filled:
                    yield f"{where}{table['use']} needs {name!r}"
            elif name in SERVICES and not isinstance(table[name], Mapping) and not _is_reference(table[name]):
                yield f"{where}{name} is filled by Argus: leave it out, or name a part as '@part'"
            elif not _fits(table[name], parameter.annotation):
                yield f"{where}{name} must be {_told(parameter.annotation)}, got {table[name]!r:.80}"

    def _value(self, value: Any) -> Any:
        if _is_reference(value):
            return self._shared(value[1:])
        if isinstance(value, list):
            return [self._value(one) for one in value]
        if not isinstance(value, Mapping):
            return value
        arguments = {name: self._value(one) for name, one in value.items() if name != "use"}
        if "use" not in value:
            return arguments
        component = registry.load(str(value["use"]))
        for name, parameter in _parameters(component).items():
            if name in SERVICES and name not in arguments and name in self._services:
                arguments[name] = self._services[name]
            if isinstance(arguments.get(name), list):
                arguments[name] = _collection(parameter.annotation)(arguments[name])
        try:
            return component(**arguments)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{value['use']}: {error}", path=self._path, key=str(value["use"])) from error

    def _shared(self, name: str) -> Any:
        if name not in self._built:
            part = self._parts[name]
            self._built[name] = self._value(part)
        return self._built[name]


def _is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith("@")


def _near(name: str, known: Sequence[str] | set[str] | Table) -> str:
    match = get_close_matches(name, list(known), 1)
    return f"; did you mean {match[0]!r}?" if match else ""


def _parameters(component: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Constructor parameters with their annotations resolved where they can be."""
    target: Any = component.__init__ if inspect.isclass(component) else component
    return {
        name: parameter.replace(annotation=_annotation(target, name))
        for name, parameter in inspect.signature(component).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }


def _annotation(target: Any, name: str) -> Any:
    """One parameter's type; `object` for a name that only a type checker imports."""
    alone = types.SimpleNamespace(__annotations__={name: getattr(target, "__annotations__", {}).get(name, object)})
    try:
        return get_type_hints(alone, getattr(target, "__globals__", {}))[name]
    except (NameError, TypeError, AttributeError):
        return object


def _collection(annotation: Any) -> Callable[[list[Any]], Any]:
    """TOML knows lists alone: what a parameter of that type takes instead."""
    kinds = [get_origin(one) or one for one in (annotation, *get_args(annotation))]
    return next((kind for kind in kinds if kind in (tuple, frozenset, set, list)), list)


def _told(annotation: Any) -> str:
    """A type in the words of TOML."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return " or ".join(_told(one) for one in get_args(annotation) if one is not types.NoneType)
    if origin is Literal:
        return f"one of {', '.join(map(repr, get_args(annotation)))}"
    if (origin or annotation) in (tuple, list, set, frozenset):
        return "a list"
    names = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
    return names.get(annotation) or str(getattr(annotation, "__name__", annotation))


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a plain value can be of that type; only simple types are judged."""
    if _is_reference(value):
        return True
    if isinstance(value, Mapping):
        return annotation not in (str, int, float, bool)
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(annotation))
    if origin is Literal:
        return value in get_args(annotation)
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if annotation in (str, bool):
        return isinstance(value, annotation)
    if (origin or annotation) in (tuple, list, set, frozenset):
        return isinstance(value, list)
    return annotation is not types.NoneType or value is None
