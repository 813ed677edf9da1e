"""Question lines: what is asked, what the right answer is, and where it stands.

One JSON object a line: `{"id", "question", "answers": [..], "doc", "pages": [..]}`. Instead of `pages`,
a web page has `path` (an XPath) or `block_text`, a recording `start` and `end` in seconds. `boxes` may
say where on its page the evidence stands. `"answerable": false` marks a question that must be refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

from rag.document import Box, PageRegion
from rag.identity import combined

MOST_BYTES = 1 << 20
"""A longer line is refused unread."""
SHAPE = '{"id", "question", "answers": [..], "doc", "pages": [..]}'
_KNOWN = (
    "id", "question", "query", "answers", "answerable", "doc", "pages", "path", "block_text", "start", "end", "boxes",
    "kinds", "answer_format",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its gold: `doc` is the end of a path, pages count from 1, seconds run from the start."""

    id: str
    text: str
    line: int
    answers: tuple[str, ...] = ()
    answerable: bool = True
    doc: str = ""
    pages: tuple[int, ...] = ()
    path: str = ""
    block_text: str = ""
    span: tuple[float, float] | None = None
    boxes: tuple[PageRegion, ...] = ()
    kinds: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Names what it asks and what counts as right, wherever its line stands in the file."""
        boxes = [[one.page, one.box.left, one.box.top, one.box.right, one.box.bottom] for one in self.boxes]
        return combined(
            self.id, self.text, self.answers, self.answerable, self.doc, self.pages, self.path, self.block_text,
            self.span, boxes, self.kinds,
        )[:32]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be used: what is wrong with it and what to do."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.message}"


def read(path: str | Path, limit: int | None = None) -> tuple[list[Question], list[Fault]]:
    """The questions of a file, the first `limit` lines that are not empty; ValueError if it cannot be read."""
    questions: dict[str, Question] = {}
    faults: list[Fault] = []
    for count, (number, line) in enumerate(_lines(path)):
        if limit is not None and count >= limit:
            break
        try:
            one = parsed(line, number)
            if first := questions.get(one.id):
                raise ValueError(f"the id {one.id!r:.80} is that of line {first.line} too: give each line its own")
            questions[one.id] = one
        except ValueError as error:
            faults.append(Fault(str(path), number, str(error)))
    return list(questions.values()), faults


def _lines(path: str | Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers; one that is too long comes cut off."""
    try:
        with open(path, "rb") as file:
            number = 0
            while line := file.readline(MOST_BYTES + 1):
                number += 1
                rest = line
                while len(rest) > MOST_BYTES and not rest.endswith(b"\n"):
                    rest = file.readline(MOST_BYTES + 1)
                if line.strip():
                    yield number, line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
    except OSError as error:
        raise ValueError(f"cannot read {path}: {error.strerror or error}") from error


def parsed(line: bytes, number: int) -> Question:
    """The question of a line; ValueError that says what was expected."""
    if len(line) > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES} bytes; expected {SHAPE}")
    try:
        told = json.loads(line)
        json.dumps(told, ensure_ascii=False).encode()  # half of a surrogate pair could not be kept
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error or 'nested too deeply'}); expected {SHAPE}") from error
    if not isinstance(told, dict):
        raise ValueError(f"expected an object {SHAPE}, got {told!r:.60}")
    text = told.get("question", told.get("query"))
    if not isinstance(text, str) or not text.strip():
        near = get_close_matches("question", [key for key in told if key not in _KNOWN], 1)
        hint = f"; is {near[0]!r} meant?" if near else ""
        raise ValueError(f"`question` must be text{', got ' + repr(text)[:60] if text is not None else hint}")
    question = Question(
        id=str(_typed(told, "id", (str, int), number)),
        text=text,
        line=number,
        answers=_answers(told),
        answerable=_typed(told, "answerable", (bool,), True),
        doc=_typed(told, "doc", (str,), "").strip(),
        pages=_pages(told),
        path=_typed(told, "path", (str,), "").strip(),
        block_text=_typed(told, "block_text", (str,), "").strip(),
        span=_span(told),
        boxes=_boxes(told),
        kinds=tuple(dict.fromkeys(_texts(told, "kinds"))),
    )
    places = [name for name in ("pages", "path", "block_text", "span") if getattr(question, name)]
    if places and not question.doc:
        raise ValueError(f"`{places[0]}` needs `doc`, the end of the document's path")
    return question


def _typed(told: dict[str, Any], key: str, kinds: tuple[type, ...], default: Any) -> Any:
    value = told.get(key)
    if value is None:
        return default
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        names = {str: "text", int: "a whole number", bool: "true or false", float: "a number"}
        raise ValueError(f"`{key}` must be {' or '.join(names[kind] for kind in kinds)}, got {value!r:.60}")
    return value


def _texts(told: dict[str, Any], key: str) -> list[str]:
    value = told.get(key)
    listed = [] if value is None else value if isinstance(value, list) else [value]
    for one in listed:
        if not isinstance(one, (str, int, float)) or isinstance(one, bool):
            raise ValueError(f"`{key}` must be a list of texts, got {one!r:.60}")
    return [str(one) for one in listed]


def _answers(told: dict[str, Any]) -> tuple[str, ...]:
    return tuple(one for one in _texts(told, "answers") if one.strip())


def _pages(told: dict[str, Any]) -> tuple[int, ...]:
    value = told.get("pages")
    listed = [] if value is None else value if isinstance(value, list) else [value]
    for one in listed:
        if not isinstance(one, int) or isinstance(one, bool):
            raise ValueError(f"`pages` must be whole numbers from 1 on, got {one!r:.60}")
    return tuple(dict.fromkeys(listed))


def _span(told: dict[str, Any]) -> tuple[float, float] | None:
    start, end = (_typed(told, key, (int, float), None) for key in ("start", "end"))
    if start is None and end is None:
        return None
    if start is None or end is None or not (isfinite(start) and isfinite(end)) or not 0 <= start <= end:
        raise ValueError(f"`start` and `end` must be seconds, 0 <= start <= end, got {start} and {end}")
    return float(start), float(end)


def _boxes(told: dict[str, Any]) -> tuple[PageRegion, ...]:
    value = told.get("boxes")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"`boxes` must be a list, got {value!r:.60}")
    return tuple(map(_box, value))


def _box(one: Any) -> PageRegion:
    try:
        page, sides = one["page"], [float(side) for side in one["box"]]
        if not isinstance(page, int) or isinstance(page, bool) or page < 1:
            raise ValueError("pages count from 1")
        if len(sides) != 4 or not all(0 <= side <= 1 for side in sides):
            raise ValueError("a box is four numbers from 0 to 1")
        return PageRegion(page, Box(*sides))
    except (ValueError, TypeError, KeyError, OverflowError) as error:
        shape = '{"page": 3, "box": [left, top, right, bottom]}, fractions of the page'
        raise ValueError(f"a box must be {shape}, got {one!r:.60} ({error})") from error
