"""Nouns to plain JSON values and back: one pair of functions for all of them.

Fields at their default are left out. Members of a union (places, filters) carry their class name
under `kind`. Nothing but the declared nouns is ever built from stored data.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from rag.document import CellRange, CharSpan, MarkupPath, PageRegion, TimeSpan
from rag.filters import And, Eq, Glob, In, Not, Or, Range

T = TypeVar("T")
_TAGGED = {one.__name__: one for one in (
    PageRegion, CellRange, MarkupPath, TimeSpan, CharSpan, Eq, In, Range, Glob, And, Or, Not,
)}  # fmt: skip
_MISSING = object()


def to_plain(value: object) -> Any:
    """Dictionaries, lists, strings and numbers that `from_plain` turns back."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (tuple, list)):
        return [to_plain(one) for one in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(one) for key, one in value.items()}
    plain: dict[str, Any] = {}
    kind = type(value)
    for name, default in _fields(cast(Any, kind)):
        one = getattr(value, name)
        if one is not default and one != default:
            plain[name] = to_plain(one)
    if kind.__name__ in _TAGGED:
        plain["kind"] = kind.__name__
    return plain


def from_plain(kind: type[T], plain: Any) -> T:
    """The noun of that type; ValueError if the data does not fit it."""
    try:
        built: T = _builder(cast(Any, kind))(plain)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a {getattr(kind, '__name__', kind)}: {error}") from error
    return built


def dumps(value: object) -> str:
    """`to_plain` as compact JSON text."""
    return json.dumps(to_plain(value), ensure_ascii=False, separators=(",", ":"))


def loads(kind: type[T], text: str | bytes) -> T:
    """The noun that `dumps` wrote."""
    try:
        plain = json.loads(text)
    except RecursionError as error:
        raise ValueError("JSON nested too deeply") from error
    return from_plain(kind, plain)


def completed(kind: type[T], plain: Mapping[str, Any], **ready: Any) -> T:
    """A noun of which some fields are `ready`, and the others plain data."""
    parts = _parts(cast(Any, kind))
    return kind(**ready, **{name: parts[name](one) for name, one in plain.items()})


@cache
def _fields(kind: type) -> tuple[tuple[str, object], ...]:
    if not dataclasses.is_dataclass(kind):
        raise TypeError(f"cannot serialise {kind.__name__}")
    return tuple((field.name, _default(field)) for field in dataclasses.fields(kind))


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _MISSING


@cache
def _builder(kind: Any) -> Callable[[Any], Any]:
    origin = get_origin(kind)
    if kind in (object, Any):
        return lambda plain: plain
    if kind in _SIMPLE:
        return _checker(kind.__name__, _SIMPLE[kind])
    if origin is Literal:
        return _literal_builder(get_args(kind))
    if origin in (Union, UnionType):
        return _union_builder(get_args(kind))
    if origin is tuple:
        return _tuple_builder(get_args(kind))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping_builder(_builder(get_args(kind)[1]))
    if dataclasses.is_dataclass(kind):
        return _dataclass_builder(kind)
    raise TypeError(f"cannot read {kind} from stored data")


_SIMPLE: dict[Any, tuple[type, ...]] = {
    str: (str,), bool: (bool,), int: (int,), float: (float, int), NoneType: (NoneType,),
}  # fmt: skip


def _checker(name: str, allowed: tuple[type, ...]) -> Callable[[Any], Any]:
    """Passes values of these types; True is no number here."""

    def check(plain: Any) -> Any:
        if type(plain) in allowed or (isinstance(plain, allowed) and not isinstance(plain, bool)):
            return plain
        raise ValueError(f"expected {name}, got {plain!r:.60}")

    return check


def _literal_builder(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    def check(plain: Any) -> Any:
        if plain not in members:
            raise ValueError(f"expected one of {', '.join(map(str, members))}, got {plain!r:.60}")
        return plain

    return check


def _mapping_builder(value: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda plain: {key: value(one) for key, one in plain.items()}


def _union_builder(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Tagged nouns by their `kind`; at most one untagged noun, which is the object among simple values."""
    nouns: list[Any] = [one for one in members if dataclasses.is_dataclass(one)]
    simple = [one for one in members if one not in nouns]
    if any(one not in _SIMPLE for one in simple):
        raise TypeError(f"cannot tell the members of {members} apart")
    names = " or ".join(one.__name__ for one in simple)
    check = _checker(names, tuple(kind for one in simple for kind in _SIMPLE[one]))
    if not nouns:
        return check
    if all(one.__name__ in _TAGGED for one in nouns):
        allowed = {one.__name__: _builder(one) for one in nouns}
        return lambda plain: allowed[plain["kind"]](plain) if isinstance(plain, dict) else check(plain)
    if len(nouns) == 1:
        build = _builder(nouns[0])
        return lambda plain: build(plain) if isinstance(plain, dict) else check(plain)
    raise TypeError(f"cannot tell the members of {members} apart")


def _tuple_builder(members: tuple[Any, ...]) -> Callable[[Any], Any]:
    if len(members) == 2 and members[1] is Ellipsis:
        one = _builder(members[0])
        return lambda plain: tuple([one(item) for item in _listed(plain)])
    builders = [_builder(member) for member in members]
    return lambda plain: tuple([build(item) for build, item in zip(builders, _listed(plain), strict=True)])


def _listed(plain: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(plain, (list, tuple)):
        raise ValueError(f"expected a list, got {plain!r:.60}")
    return plain


def _dataclass_builder(kind: Any) -> Callable[[Any], Any]:
    tag = kind.__name__ if kind.__name__ in _TAGGED else None

    def build(plain: Any) -> Any:
        if plain.get("kind", tag) != tag:
            raise ValueError(f"expected a {kind.__name__}, got kind {plain['kind']!r:.60}")
        parts = _parts(kind)
        return kind(**{name: parts[name](one) for name, one in plain.items() if name != "kind" or tag is None})

    return build


@cache
def _parts(kind: Any) -> dict[str, Callable[[Any], Any]]:
    """The builder of each field; made at first use, since filters refer to themselves."""
    hints = get_type_hints(kind)
    return {field.name: _builder(hints[field.name]) for field in dataclasses.fields(kind)}
