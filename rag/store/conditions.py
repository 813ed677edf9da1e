"""Filters compiled to SQLite conditions: values go in as parameters only."""

from __future__ import annotations

from typing import assert_never

from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range, check_field

Compiled = tuple[str, list[object]]

# A chunk passes a condition on its source if any source of its document does.
_SOURCE = "EXISTS (SELECT 1 FROM sources s WHERE s.digest = d.digest AND {})"
_COLUMNS = {"title": "d.title", "modality": "c.modality", "role": "c.role"}


def compiled(where: Filter) -> Compiled:
    """A condition over `chunks c JOIN documents d`, and its parameters."""
    match where:
        case And(filters):
            return _joined(filters, " AND ", "1")
        case Or(filters):
            return _joined(filters, " OR ", "0")
        case Not(inner):
            text, values = compiled(inner)
            return f"NOT ({text})", values
        case In(field, values):
            return _joined(tuple(Eq(field, value) for value in values), " OR ", "0")
        case Eq(field, value):
            return _equal(check_field(field), value)
        case Range(field, low, high):
            return _range(check_field(field), low, high)
        case Glob(field, pattern):
            return _glob(check_field(field), pattern)
        case _:
            assert_never(where)


def _joined(filters: tuple[Filter, ...], word: str, empty: str) -> Compiled:
    parts = [compiled(one) for one in filters]
    text = word.join(f"({one})" for one, _ in parts) or empty
    return text, [value for _, values in parts for value in values]


def _equal(field: str, value: object) -> Compiled:
    if field == "page":
        return "c.first_page <= ? AND c.last_page >= ?", [value, value]
    if field == "source":
        # The path as given, the resolved path, or the file's name alone.
        return _SOURCE.format("(s.uri = ? OR s.key = ? OR s.uri LIKE ? ESCAPE '\\')"), [
            value, value, "%/" + _escaped(str(value)),
        ]  # fmt: skip
    if field.startswith("label."):
        return _label(field, "AS TEXT) = ?", str(int(value)) if isinstance(value, bool) else str(value))
    return f"{_COLUMNS[field]} = ?", [value]


def _range(field: str, low: float | None, high: float | None) -> Compiled:
    bounds = [(operator, bound) for operator, bound in ((">=", low), ("<=", high)) if bound is not None]
    if field == "page":
        # A chunk over several pages is in the range if any of its pages is.
        side = {">=": "c.last_page", "<=": "c.first_page"}
        text = " AND ".join(f"{side[operator]} {operator} ?" for operator, _ in bounds) or "1"
        return text, [bound for _, bound in bounds]
    if not field.startswith("label."):
        raise ValueError(f"filter {field}: a range holds for page and label.KEY only")
    parts = [_label(field, f"AS REAL) {operator} ?", bound) for operator, bound in bounds]
    return " AND ".join(text for text, _ in parts) or "1", [value for _, values in parts for value in values]


def _glob(field: str, pattern: str) -> Compiled:
    like = _escaped(pattern).replace("*", "%").replace("?", "_")
    if field == "source":
        test = " OR ".join(f"s.{column} LIKE ? ESCAPE '\\'" for column in ("uri", "key", "uri"))
        return _SOURCE.format(f"({test})"), [like, like, "%/" + like]
    if field == "page":
        raise ValueError("filter page: expected a number or a range, not a glob")
    if field.startswith("label."):
        return _label(field, "AS TEXT) LIKE ? ESCAPE '\\'", like)
    return f"{_COLUMNS[field]} LIKE ? ESCAPE '\\'", [like]


def _label(field: str, test: str, value: object) -> Compiled:
    # check_field has bounded the letters of the key, and it is a parameter all the same.
    path = f'$."{field.removeprefix("label.")}"'
    return _SOURCE.format(f"CAST(json_extract(s.labels, ?) {test}"), [path, value]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
