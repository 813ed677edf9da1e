"""The results asked for last, so that what several stages of a search ask is worked out once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sized
from threading import Lock
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V", bound=Sized)


class Recent(Generic[K, V]):
    """Keeps the newest results, as many as have `most` members together. Threads may share it."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._kept: dict[K, V] = {}
        self._lock = Lock()

    def __call__(self, key: K, make: Callable[[], V]) -> V:
        """The result for `key`, made if it is not kept."""
        with self._lock:
            found = self._kept.pop(key, None)
        if found is None:
            found = make()
        with self._lock:
            self._kept[key] = found  # last, so what is asked often stays
            total = sum(len(one) for one in self._kept.values())
            for old in list(self._kept):
                if total <= self.most:
                    break
                total -= len(self._kept.pop(old))
        return found

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
