"""Printed page numbers are labels where they are not those of the places."""

from __future__ import annotations

import pytest
from rag.loaders.pdf.numbers import printed

from rag.loaders.pdf.text import Line, PageText  # isort: skip


class Pages:
    def __init__(self, feet: list[str]) -> None:
        self.count = len(feet)
        self._pages = [PageText([Line((0, 780, 50, 790), foot, 9, 790)] if foot else [], 600, 800) for foot in feet]

    def __getitem__(self, index: int) -> PageText:
        return self._pages[index]

    def keep(self, first: int, last: int) -> None: ...


def labels(feet: list[str]) -> dict[int, str]:
    edges = {index: {0: "footer"} if foot else {} for index, foot in enumerate(feet)}
    return printed(Pages(feet), edges)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("feet", "expected"),
    [
        (["", "1", "2", "3"], {1: "1", 2: "2", 3: "3"}),
        (["i", "ii", "1", "2", "3"], {0: "i", 1: "ii", 2: "1", 3: "2", 4: "3"}),
        (["Page 484 of 500", "Page 485 of 500", "- 486 -"], {0: "484", 1: "485", 2: "486"}),
        (["12 | Report", "Report 13", "14 | Report"], {0: "12", 1: "13", 2: "14"}),
        (["1", "2", "3"], {}),  # as their places say
        (["Report 2021", "Report 2021", "Report 2021"], {}),  # a year
        (["5", "6"], {}),  # too few
        (["", "", ""], {}),
    ],
)
def test_labels(feet: list[str], expected: dict[int, str]) -> None:
    assert labels(feet) == expected
