"""The documents of a corpus by the end of their path."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from rag.contract import visible

MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Target:
    """A document that a question is about; `pages` is 0 where it has none."""

    digest: str
    uri: str
    pages: int = 0


class Documents:
    """Finds by path suffix: whole components from the right, so that `a.pdf` is not the end of `aa.pdf`."""

    def __init__(self, targets: Iterable[Target], place: str = "the corpus") -> None:
        self.place = place
        self._by_name: dict[str, list[Target]] = {}
        for target in targets:
            self._by_name.setdefault(_parts(target.uri)[-1], []).append(target)

    def __contains__(self, name: object) -> bool:
        """Whether some document is so called, perhaps several."""
        return isinstance(name, str) and bool(self._ending(_parts(name)))

    def _ending(self, asked: tuple[str, ...]) -> list[Target]:
        return [one for one in self._by_name.get(asked[-1], []) if _parts(one.uri)[-len(asked) :] == asked]

    def find(self, name: str) -> Target:
        """The one document so called; ValueError naming all that are meant, or the nearest.

        One whose whole path is `name` goes before others that end so. Copies of the same bytes are
        one document.
        """
        asked = _parts(name)
        ending = self._ending(asked)
        exact = [one for one in ending if len(_parts(one.uri)) == len(asked)]
        matches = {one.digest: one for one in reversed(exact or ending)}
        if len(matches) == 1:
            return next(iter(matches.values()))
        if matches:
            listed = _listed(sorted(one.uri for one in matches.values()))
            raise ValueError(f"doc {name!r} is ambiguous: {listed}; write more of its path")
        raise ValueError(f"doc {name!r} is not in {self.place}{self._nearest(asked[-1])}")

    def _nearest(self, name: str) -> str:
        near = get_close_matches(name, self._by_name, 3, 0.5)
        if not near:
            return "; add it, or name its folder with --root (see: rag list)"
        return f"; nearest: {_listed([self._by_name[one][0].uri for one in near])}"


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.replace("\\", "/").split("/") if part not in ("", ".")) or ("",)


def _listed(uris: list[str]) -> str:
    more = f" and {len(uris) - MOST_NAMED} more" if len(uris) > MOST_NAMED else ""
    return ", ".join(map(visible, uris[:MOST_NAMED])) + more
