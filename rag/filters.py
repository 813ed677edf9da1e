"""Filters: a small frozen tree over declared fields, compiled by one function a backend.

Fields: `source` (path, name or glob), `title`, `modality`, `page`, `role`, `colour` (of letters or of the ground
behind them, by its basic name, or `highlighted`, `underlined`, `struck out`), and `label.KEY`. Values never become
code: a backend compiles the tree to its own query with parameters only. Equality is exact; globs ignore the case of
ASCII letters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import get_args

from rag.colours import NAMES
from rag.document import LabelValue, Mark

FIELDS = ("source", "title", "modality", "page", "role", "colour")
LOOKS = (*NAMES, *(mark for mark in get_args(Mark) if mark))
_LABEL = re.compile(r"label\.[A-Za-z0-9_.-]{1,64}")
_WHOLE = re.compile(r"\s*-?\d{1,18}\s*")
_RANGE = re.compile(r"\s*(-?\d+)?\s*\.\.\s*(-?\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Eq:
    field: str
    value: LabelValue


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[LabelValue, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """low <= field <= high; None leaves a side open."""

    field: str
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Glob:
    """`*` any run of characters, `?` one; anything else stands for itself."""

    field: str
    pattern: str


@dataclass(frozen=True, slots=True)
class And:
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    filter: Filter


Filter = Eq | In | Range | Glob | And | Or | Not


def check_field(name: str) -> str:
    """The field itself; ValueError with the nearest known one if it is not declared."""
    if name in FIELDS or _LABEL.fullmatch(name):
        return name
    near = get_close_matches(name, FIELDS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown filter field {name!r}: use {', '.join(FIELDS)} or label.KEY{hint}")


def check_labels(given: Mapping[str, object]) -> dict[str, LabelValue]:
    """The labels themselves; ValueError for a name that no filter can ask for, or a value that cannot be kept."""
    told: dict[str, LabelValue] = {}
    for key, value in given.items():
        if not _LABEL.fullmatch(f"label.{key}"):
            raise ValueError(f"no label can be called {key!r:.80}: use up to 64 letters, digits, `_`, `.` and `-`")
        if not isinstance(value, (str, int, float, bool)):
            raise ValueError(f"label {key}: expected text, a number or a boolean, got {type(value).__name__}")
        if isinstance(value, float) and not isfinite(value):
            raise ValueError(f"label {key}: expected a finite number, got {value}")
        if isinstance(value, str) and not _printable(value):
            raise ValueError(f"label {key}: half of a surrogate pair is no text")
        told[key] = value
    return told


def _printable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def condition(field: str, value: object) -> Filter:
    """One condition from plain data: a value, a list of values, `3..9`, or a glob."""
    check_field(field)
    if isinstance(value, (list, tuple, set, frozenset)):
        return Or(tuple(_one(field, one) for one in value))
    return _one(field, value)


def _one(field: str, value: object) -> Filter:
    if not isinstance(value, (str, int, float, bool)):
        raise ValueError(f"filter {field}: expected text or a number, got {type(value).__name__}")
    if field == "page":
        return _page(value)
    if field == "colour":
        return Eq(field, _look(value))
    if isinstance(value, str):
        span = _RANGE.fullmatch(value) if field.startswith("label.") else None
        if span and (span[1] or span[2]):
            return Range(field, *(float(side) if side else None for side in span.groups()))
        if field in ("source", "title") and any(mark in value for mark in "*?"):
            return Glob(field, value)
    return Eq(field, value)


def _look(value: LabelValue) -> str:
    look = {"gray": "grey", "struck-out": "struck out"}.get(str(value).lower(), str(value).lower())
    if look not in LOOKS:
        raise ValueError(f"filter colour: expected one of {', '.join(LOOKS)}, got {value!r:.80}")
    return look


def _page(value: LabelValue) -> Filter:
    span = _RANGE.fullmatch(str(value))
    if span and (span[1] or span[2]):
        return Range("page", *(float(side) if side else None for side in span.groups()))
    if isinstance(value, bool) or not _WHOLE.fullmatch(str(value)):
        raise ValueError(f"filter page: expected 9 or 3..9, got {value!r}")
    return Eq("page", int(value))


def all_of(filters: Iterable[Filter | None]) -> Filter | None:
    """Their conjunction; None when there is nothing to hold."""
    given = tuple(one for one in filters if one is not None)
    return None if not given else given[0] if len(given) == 1 else And(given)


def where(conditions: Mapping[str, object] | Sequence[str] | Filter | None) -> Filter | None:
    """A filter from what a user writes: a mapping, `KEY=VALUE` strings, or a filter.

    The same key given twice as strings means either value.
    """
    if conditions is None or isinstance(conditions, Filter):
        return conditions
    if isinstance(conditions, str):
        raise ValueError(f"conditions are a mapping or a list of KEY=VALUE, got the text {conditions!r}")
    if isinstance(conditions, Mapping):
        return all_of(condition(key, value) for key, value in conditions.items())
    grouped: dict[str, list[str]] = {}
    for pair in conditions:
        key, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"a condition is KEY=VALUE, got {pair!r}")
        grouped.setdefault(key.strip(), []).append(value)
    return all_of(condition(key, values if len(values) > 1 else values[0]) for key, values in grouped.items())
