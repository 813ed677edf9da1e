"""How far a long command is, for people: on standard error, so that what is printed stays clean."""

from __future__ import annotations

import sys
from typing import Any

from .options import tell

TELL_EVERY = 30.0
"""Seconds between words of progress where there is no terminal."""


class Steps:
    """A bar on a terminal, else a line now and then."""

    def __init__(self, unit: str) -> None:
        import time

        self._unit = unit
        self._clock = time.monotonic
        self._told = self._clock()
        self._bar: Any = None

    def __call__(self, done: int, total: int, what: str = "") -> None:
        if sys.stderr.isatty():
            if self._bar is None:
                from tqdm import tqdm

                self._bar = tqdm(total=total, unit=self._unit, dynamic_ncols=True, leave=False)
            self._bar.total, self._bar.n = total, done
            self._bar.set_description(what, refresh=True)
        elif self._clock() - self._told > TELL_EVERY:
            self._told = self._clock()
            tell(f"{what}: {done} of {total}" if what else f"{done} of {total} {self._unit}s")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
