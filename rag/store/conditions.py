"""Filters compiled to SQLite conditions: values go in as parameters only.

A filter is asked of a chunk together with one source of its document: a chunk passes if some source
of its document passes the whole filter with it. So two conditions on a source hold for one and the
same source, and a restriction that a source fails cannot be met by the labels of its twin.

Equality is exact, case included. Globs are LIKE: they ignore the case of ASCII letters. Labels are
equal when their texts are (`true` and `false` for booleans) or when both are numbers of one value; a
range takes a text label as the number that it begins with ("2021-05-01" is 2021), and no other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import assert_never

from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range, check_field

Compiled = tuple[str, list[object]]

MOST_VALUES = 10_000
DEEPEST = 20
"""SQLite's own limits, on parameters and on nesting, lie not far above."""

_SOURCE = "EXISTS (SELECT 1 FROM sources s WHERE s.digest = d.digest AND ({}))"
_COLUMNS = {"title": "d.title", "modality": "c.modality", "role": "c.role"}
_LOOK = (  # most chunks have no colours: their bodies are not parsed
    "instr(c.body, '\"coloured\":') AND EXISTS (SELECT 1 FROM json_each(c.body, '$.coloured') l WHERE "
    "json_extract(l.value, '$.letters') = ? OR json_extract(l.value, '$.ground') = ? "
    "OR json_extract(l.value, '$.mark') = ?)"
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_TEXT = "CASE json_type(s.labels, ?) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE {} END"
_LABEL = "json_extract(s.labels, ?)"
_AMOUNT = (
    f"CASE json_type(s.labels, ?) WHEN 'integer' THEN {_LABEL} WHEN 'real' THEN {_LABEL} WHEN 'text' THEN "
    f"CASE WHEN {_LABEL} GLOB '[0-9]*' OR {_LABEL} GLOB '-[0-9]*' THEN CAST({_LABEL} AS REAL) END END"
)


def compiled(where: Filter) -> Compiled:
    """A condition over `chunks c JOIN documents d`, and its parameters."""
    text, values = paired(where)
    return (_SOURCE.format(text) if concerns(where, "source", "label") else text), values


def paired(where: Filter) -> Compiled:
    """The same over a source too: `chunks c JOIN documents d JOIN sources s`."""
    text, values = _compiled(where, 1)
    if len(values) > MOST_VALUES:
        raise ValueError(f"a filter holds at most {MOST_VALUES} values, got {len(values)}")
    return text, values


def concerns(where: Filter, *fields: str) -> bool:
    """Whether a filter asks about one of these fields (`label` for any label)."""
    match where:
        case And(filters) | Or(filters):
            return any(concerns(one, *fields) for one in filters)
        case Not(inner):
            return concerns(inner, *fields)
        case Eq(field) | In(field) | Range(field) | Glob(field):
            return field.partition(".")[0] in fields
        case _:
            assert_never(where)


def _compiled(where: Filter, depth: int) -> Compiled:
    if depth > DEEPEST:
        raise ValueError(f"a filter nests at most {DEEPEST} deep")
    match where:
        case And(filters):
            return _joined([_compiled(one, depth + 1) for one in filters], " AND ", "1")
        case Or(filters):
            return _joined([_compiled(one, depth + 1) for one in filters], " OR ", "0")
        case Not(inner):
            text, values = _compiled(inner, depth + 1)
            # What has no page, or no such label, is not on that page either: NULL counts as no.
            return f"({text}) IS NOT TRUE", values
        case In(field, values):
            return _joined([_equal(check_field(field), value) for value in values], " OR ", "0")
        case Eq(field, value):
            return _equal(check_field(field), value)
        case Range(field, low, high):
            return _range(check_field(field), low, high)
        case Glob(field, pattern):
            return _glob(check_field(field), pattern)
        case _:
            assert_never(where)


def _joined(parts: Sequence[Compiled], word: str, empty: str) -> Compiled:
    text = _tree([text for text, _ in parts], word) if parts else empty
    return text, [value for _, values in parts for value in values]


def _tree(texts: Sequence[str], word: str) -> str:
    """Joined in halves: SQLite refuses a chain of a thousand, as it is nested that deep."""
    if len(texts) == 1:
        return f"({texts[0]})"
    half = len(texts) // 2
    return f"({_tree(texts[:half], word)}{word}{_tree(texts[half:], word)})"


def _equal(field: str, value: object) -> Compiled:
    if field == "page":
        return "c.first_page <= ? AND c.last_page >= ?", [_bounded(value), _bounded(value)]
    if field == "source":
        # The path as given, the resolved path, or its end from a separator on, such as the file's name.
        end = "/" + str(value).replace("\\", "/")
        return "s.uri = ? OR s.key = ? OR substr('/' || replace(s.uri, '\\', '/'), ?) = ?", [
            str(value), str(value), -len(end), end,
        ]  # fmt: skip
    if field == "colour":
        return _LOOK, [str(value)] * _LOOK.count("?")
    if not field.startswith("label."):
        return f"{_COLUMNS[field]} = ?", [str(value)]
    path, told = _path(field), str(value).lower() if isinstance(value, bool) else str(value)
    text, values = f"{_TEXT.format(f'CAST({_LABEL} AS TEXT)')} = ?", [path, path, told]
    if not _NUMBER.fullmatch(told):
        return text, [*values]
    number = _bounded(float(told) if isinstance(value, (str, float)) else value)
    return f"{text} OR (json_type(s.labels, ?) IN ('integer', 'real') AND {_LABEL} = ?)", [*values, path, path, number]


def _range(field: str, low: float | None, high: float | None) -> Compiled:
    bounds = [(sign, _bounded(bound)) for sign, bound in ((">=", low), ("<=", high)) if bound is not None]
    if field == "page":
        # A chunk over several pages is in the range if any of its pages is.
        side = {">=": "c.last_page", "<=": "c.first_page"}
        given = [(f"{side[sign]} {sign} ?", [bound]) for sign, bound in bounds]
        return _joined(given, " AND ", "c.first_page IS NOT NULL")
    if not field.startswith("label."):
        raise ValueError(f"filter {field}: a range holds for page and label.KEY only")
    path = [_path(field)] * _AMOUNT.count("?")
    given = [(f"{_AMOUNT} {sign} ?", [*path, bound]) for sign, bound in bounds]
    return _joined(given, " AND ", "1") if given else (f"{_AMOUNT} IS NOT NULL", [*path])


def _glob(field: str, pattern: str) -> Compiled:
    like = _escaped(pattern).replace("*", "%").replace("?", "_")
    if field == "source":
        slashed = like.replace("\\\\", "/")
        test = "{} LIKE ? ESCAPE '\\'".format
        names = ("s.uri", "s.key", "'/' || replace(s.uri, '\\', '/')")
        return " OR ".join(test(name) for name in names), [like, like, "%/" + slashed]
    if field in ("page", "colour"):
        told = "a number or a range" if field == "page" else "the name of a colour"
        raise ValueError(f"filter {field}: expected {told}, not a glob")
    if field.startswith("label."):
        path = _path(field)
        return f"{_TEXT.format(f'CAST({_LABEL} AS TEXT)')} LIKE ? ESCAPE '\\'", [path, path, like]
    return f"{_COLUMNS[field]} LIKE ? ESCAPE '\\'", [like]


def _path(field: str) -> str:
    """The JSON path of a label; check_field has bounded its letters, and it is a parameter all the same."""
    return f'$."{field.removeprefix("label.")}"'


def _bounded(value: object) -> object:
    """A number that SQLite can hold: its integers have 64 bits."""
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return float("inf") if value > 0 else float("-inf")
    return value


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
