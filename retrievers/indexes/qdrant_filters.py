"""Filters as Qdrant applies them by itself, to the payload that its points bear.

A point's payload is its `id` and what `Index.add` is told of it: `document`, `modality`, `role`, `first` and
`last` page. Digests of documents are sent as UUIDs of their first 128 bits, which Qdrant keeps as numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite
from typing import TYPE_CHECKING, Any, assert_never
from uuid import UUID, uuid5

from rag.document import Labels
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range

if TYPE_CHECKING:
    from qdrant_client import models

FIELDS = {"document": "uuid", "modality": "keyword", "role": "keyword", "first": "integer", "last": "integer"}
"""Of the payload, with the kinds of index that a server makes for them."""
MOST_VALUES = 100_000
"""Ids or documents in one request, of some 40 bytes each: a server takes 32 MB."""
_NAMES = UUID("5f3c1f0e-6a6d-4c8e-9d55-0b8f6d1f4a77")
"""Qdrant names points by numbers or UUIDs: those of our ids are made in this name space."""


class _Unsaid(Exception):
    """What Qdrant cannot be asked: the caller sends ids."""


def point(id: str) -> str:
    """The name of a chunk's point."""
    return str(uuid5(_NAMES, id))


def payload(id: str, told: Labels) -> dict[str, Any]:
    """What a point bears."""
    known = {key: value for key, value in told if key in FIELDS}
    if "document" in known:
        known["document"] = _document(known["document"])
    return {"id": id, **known}


def compiled(where: Filter) -> list[models.Filter] | None:
    """Filters whose results together are those of one over `document`, `modality`, `role` and `page`.

    None where Qdrant cannot be asked so; more than one only where one would be too large.
    """
    try:
        return [_filter(one) for one in _split(where)]
    except _Unsaid:
        return None


def of_ids(ids: Iterable[str]) -> list[models.Filter]:
    """Filters that admit these chunks together."""
    from qdrant_client import models

    points = [point(id) for id in sorted(ids)]
    return [models.Filter(must=[models.HasIdCondition(has_id=list(some))]) for some in _slices(points)]


def _split(where: Filter) -> Iterator[Filter]:
    """Parts of an Or that no request is too large for."""
    match where:
        case Or(filters) if _size(where) > MOST_VALUES:
            for one in filters:
                yield from _split(one)
        case In("document", values) if len(values) > MOST_VALUES:
            for some in _slices(values):
                yield In("document", tuple(some))
        case And((In("document", values) as first, *rest)) if len(values) > MOST_VALUES:
            for one in _split(first):
                yield And((one, *rest))
        case _ if _size(where) > MOST_VALUES:
            raise _Unsaid
        case _:
            yield where


def _size(where: Filter) -> int:
    """How many values it lists: what makes a request large."""
    match where:
        case And(filters) | Or(filters):
            return sum(_size(one) for one in filters)
        case Not(inner):
            return _size(inner)
        case In(_, values):
            return len(values)
        case _:
            return 0


def _slices(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), MOST_VALUES):
        yield values[start : start + MOST_VALUES]


def _filter(where: Filter) -> models.Filter:
    from qdrant_client import models

    match where:
        case And(filters):
            return models.Filter(must=[_filter(one) for one in filters])  # of none: everything
        case Or(filters) if filters:
            return models.Filter(should=[_filter(one) for one in filters])
        case Not(inner):
            return models.Filter(must_not=[_filter(inner)])
        case Or():
            return models.Filter(must=[models.HasIdCondition(has_id=[])])
        case In("page", values):
            return _filter(Or(tuple(Eq("page", one) for one in values)))
        case In(field, values):
            return _any(field, [str(one) for one in values])
        case Eq("page", value):
            return _pages(value, value)
        case Eq(field, value):
            return _any(field, [str(value)])
        case Range("page", low, high) if (low, high) != (None, None):
            return _pages(low, high)
        case Range() | Glob():
            raise _Unsaid
        case _:
            assert_never(where)


def _any(field: str, values: Sequence[str]) -> models.Filter:
    from qdrant_client import models

    if field not in FIELDS:
        raise _Unsaid
    told = [_document(one) for one in values] if field == "document" else list(values)
    if not told:
        return _filter(Or(()))
    return models.Filter(must=[models.FieldCondition(key=field, match=models.MatchAny(any=told))])


def _pages(low: object, high: object) -> models.Filter:
    """Chunks of which some page is from `low` to `high`."""
    from qdrant_client import models

    sides = [("last", "gte", low), ("first", "lte", high)]
    given = [(key, {side: _number(value)}) for key, side, value in sides if value is not None]
    return models.Filter(
        must=[models.FieldCondition(key=key, range=models.Range(**bound)) for key, bound in given]
    )  # fmt: skip


def _number(value: object) -> float:
    if not isinstance(value, (int, float)) or not isfinite(value) or abs(value) > 2**53:
        raise _Unsaid
    return float(value)


def _document(digest: object) -> str:
    return str(UUID(str(digest)[:32]))
