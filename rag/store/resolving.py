"""Filters said by what never changes of a chunk, for an index that applies them by itself.

Labels, titles and the names of sources change without an index being touched; the document of a chunk (by its
digest), its modality, role and pages do not. A filter is asked of a chunk together with one source of its
document (`rag.store.conditions`): what it asks of the source alone is answered for each source beforehand.
Sources with the same answers leave the same question to a chunk, so that the filter becomes an Or over
(their documents And what is left to ask). Documents are told, not chunks: some hundred times fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rag.document import Labels, labels
from rag.filters import And, Filter, In, Not, Or
from rag.store.conditions import concerns

MOST_QUESTIONS = 12
"""Sources fall into as many as 2 to this power groups."""
_CHUNK = ("modality", "page", "role")


@dataclass(frozen=True, slots=True)
class Resolved:
    """A filter over the fields of `lasting` alone; its length is the documents that it names, and one."""

    where: Filter
    documents: int

    def __len__(self) -> int:
        return self.documents + 1


def lasting(digest: str, modality: str, role: str, first: int | None, last: int | None) -> Labels:
    """What never changes of a chunk, as an index is given it: a filter's `page` is from `first` to `last`."""
    pages = {} if first is None or last is None else {"first": first, "last": last}
    return labels({"document": digest, "modality": modality, "role": role, **pages})


def questions(where: Filter) -> list[Filter]:
    """What a filter asks of the source alone, in the largest parts, in the order of `resolved`."""
    found: list[Filter] = []

    def note(one: Filter) -> bool:
        found.append(one)
        return True

    _left(where, note)
    return found


def resolved(where: Filter, rows: Iterable[Sequence[object]]) -> Resolved:
    """The filter by (digest, an answer to each of its questions) of each source.

    Where fewer documents are left out than taken, those left out are named.
    """
    groups: dict[tuple[bool, ...], dict[str, None]] = {}
    everything: dict[str, None] = {}
    for digest, *answers in rows:
        groups.setdefault(tuple(map(bool, answers)), {})[str(digest)] = None
        everything[str(digest)] = None
    merged: dict[str, tuple[Filter, dict[str, None]]] = {}
    for told, documents in groups.items():
        rest = _left(where, _told(told))
        if rest is not False:
            left = And(()) if rest is True else rest
            merged.setdefault(repr(left), (left, {}))[1].update(documents)
    parts: list[Filter] = []
    count = 0
    for left, documents in merged.values():
        others = tuple(one for one in everything if one not in documents)
        named = others if len(others) < len(documents) else tuple(documents)
        count += len(named)
        one: Filter = Not(In("document", others)) if named is others else In("document", named)
        parts.append(left if not named else one if left == And(()) else And((one, left)))
    return Resolved(parts[0] if len(parts) == 1 else Or(tuple(parts)), count)


def _told(answers: Sequence[bool]) -> Callable[[Filter], bool]:
    """These answers, one after the other."""
    left = iter(answers)
    return lambda _: next(left)


def _left(where: Filter, answer: Callable[[Filter], bool]) -> Filter | bool:
    """What is left to ask of a chunk. Every question is asked, in one order, whatever the answers are."""
    if not concerns(where, *_CHUNK):
        return answer(where)
    match where:
        case Not(inner):
            rest = _left(inner, answer)
            return not rest if isinstance(rest, bool) else Not(rest)
        case And(filters) | Or(filters):
            kind, neutral = type(where), isinstance(where, And)
            alone = tuple(one for one in filters if not concerns(one, *_CHUNK))
            rests: list[Filter | bool] = [answer(kind(alone))] if alone else []
            rests += [_left(one, answer) for one in filters if concerns(one, *_CHUNK)]
            asked = tuple(one for one in rests if not isinstance(one, bool))
            if any(one is not neutral for one in rests if isinstance(one, bool)):
                return not neutral
            return kind(asked) if len(asked) > 1 else asked[0] if asked else neutral
        case _:
            return where
