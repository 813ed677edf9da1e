"""What of a chunk can be quoted: sentences, list items, table rows, captions, lines of code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from rag.answer import Evidence
from rag.document import Chunk
from rag.overlap import is_listing, stems
from rag.sentences import sentences

TEMPLATES = {
    "table": "In the table {caption}: {row}",
    "numbered table": "{caption}: {row}",
    "row": "{label} — {cells}",
    "cell": "{header}: {cell}",
    "between": "; ",
    "item": "{lead} {item}",
}
"""All that is ever written around quoted words."""
MOST_UNITS = 400
LONGEST = 90
"""Words of the longest sentence that is quoted."""
_RULE = re.compile(r"\s*\|?[\s:|-]*-[\s:|-]*$")
_CELL = re.compile(r"(?<!\\)\|")
_ITEM = re.compile(r"\s*(?:[-*+•‣◦▪–]|\(?(?:\d{1,3}|[A-Za-z])[.)])\s+")
_GOES_ON = re.compile(
    r"[\"'“‘(]?(?:they|these|those|it|its|he|she|their|his|her|such|this|then|otherwise|instead|if so|if not|"
    r"in (?:that|this|such a|these|those) (?:cases?|way|situations?)|at present|currently|to do (?:so|this|that)|"
    r"for (?:this|that)|both|the (?:former|latter|same))\b",
    re.IGNORECASE,
)
"""How a sentence begins that speaks of what the one before it spoke of."""
_NUMBERED = re.compile(r"(?:Table|Tab\.|Exhibit|Figure|Fig\.)\s+[\w.-]*\w", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Unit:
    """A quotable piece: `text` as it will be written, `quoted` its words as they stand in the chunk.

    `stems` are those of the text, `around` those of what tells its subject: headings, caption,
    the sentence before. `at` orders the units of a chunk.
    """

    evidence: Evidence
    text: str
    quoted: tuple[str, ...]
    kind: str
    at: int
    stems: tuple[str, ...]
    around: frozenset[str] = field(default=frozenset())
    first: int = -1
    """The piece where it begins; -1 is `at`, where it ends."""

    @property
    def start(self) -> int:
        """The first of its pieces."""
        return self.at if self.first < 0 else self.first

    @property
    def length(self) -> int:
        return len(self.text.split())


def units(evidence: Evidence, wanted: frozenset[str] = frozenset()) -> list[Unit]:
    """The quotable pieces of a chunk in order; `wanted` are the stems that a table column may be asked by."""
    chunk = evidence.hit.chunk
    above = frozenset(stems("\n".join((chunk.title, *chunk.headings))))
    if chunk.modality == "table" and "|" in chunk.text:
        found = _table(evidence, chunk, above, wanted)
    elif chunk.role == "figure":
        found = _figure(evidence, chunk.text, above)
    else:
        # A heading alone is no answer, but a photo's caption is its title too.
        titles = {folded(title) for title in (chunk.title, *chunk.headings)} if chunk.modality == "text" else set()
        found = _prose(evidence, chunk.text, above, titles)
    return list(islice(found, MOST_UNITS))


def folded(text: str) -> str:
    """White space folded."""
    return " ".join(text.split())


def is_verbatim(unit: Unit) -> bool:
    """Whether all quoted words stand in the chunk, and the text is nothing but them and a template."""
    source = folded(unit.evidence.hit.chunk.text)
    rest = unit.text
    for piece in unit.quoted:
        at = rest.find(piece)
        if piece not in source or at < 0:
            return False
        rest = rest[:at] + rest[at + len(piece) :]
    return re.sub(r"[\s:;—]", "", rest.replace("In the table", "")) == ""


def _prose(evidence: Evidence, text: str, above: frozenset[str], titles: set[str]) -> Iterator[Unit]:
    """Sentences; one that announces something goes with what it announces, a term with what is said of it.

    A sentence that goes on from the one before it ("They are ...") is a piece with it, too.
    """
    spans = [(start, end) for start, end in sentences(text)]
    spans = _rejoined(text, spans)
    pieces = [folded(text[start:end]) for start, end in spans]
    lead, term, label = "", "", ""
    plain = False  # whether the piece before is a sentence of its own, with its `label` if it has one
    before, subject = frozenset[str](), frozenset[str]()
    at = 0
    while at < len(pieces):
        piece, last, whose, term = pieces[at], at, term, ""
        item = bool(_ITEM.match(text[spans[at][0] : spans[at][1]]))
        quoted: tuple[str, ...] = (piece,)
        whole = piece
        if piece.endswith((":", "：")):
            lead = piece if 2 < len(piece.split()) <= 30 else ""
            last = _announced(text, spans, pieces, at) if lead else at
            whole = " ".join(pieces[at : last + 1])
            quoted = (whole,)
        elif item and lead:
            quoted = (lead, piece)
            whole = TEMPLATES["item"].format(lead=lead, item=piece)
        elif _is_term(pieces, at, item):
            term, subject, plain = piece, frozenset(stems(piece)), False
            at += 1
            continue
        else:
            if whose:
                quoted = (whose, piece)
                whole = TEMPLATES["row"].format(label=whose, cells=piece)
            lead = lead if item else ""
        empty = piece.endswith((":", "：")) and last == at and len(piece.split()) < 7
        if piece not in titles and not empty and _is_quotable(whole):
            kind, first = "item" if item else "sentence", at - (quoted[0] == whose)
            if plain and kind == "sentence" and quoted == (piece,) and _GOES_ON.match(piece):
                both = folded(text[spans[at - 1][0] : spans[at][1]])
                if _is_quotable(f"{label} {both}"):
                    whole, quoted, first = both, (both,), at - 1
                    if label:
                        whole, quoted, first = TEMPLATES["row"].format(label=label, cells=both), (label, both), at - 2
            yield Unit(evidence, whole, quoted, kind, at, tuple(stems(whole)), above | before | subject, first)
        plain = last == at and not item and piece not in titles and _is_quotable(piece)
        label = whose if plain else ""
        before = frozenset(stems(piece))
        at = last + 1


def _is_term(pieces: Sequence[str], at: int, item: bool) -> bool:
    """A few words without an end that a whole sentence follows: a term before its definition, or a small heading."""
    piece, following = pieces[at], pieces[at + 1 : at + 2]
    return (
        not item
        and len(piece.split()) <= 8
        and piece[-1:].isalnum()
        and _is_quotable(piece)
        and bool(following)
        and following[0].endswith((".", ":"))
        and len(following[0].split()) >= 5
        and following[0][:1].isupper()
    )


def _rejoined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A paragraph that starts small after a line without an end goes on from it."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and text[start].islower() and not _ITEM.match(text[start:end]):
            first, last = joined[-1]
            if (
                "\n\n" in text[last:start]
                and text[last - 1] not in ".!?:;。："
                and not _ITEM.match(text[first:last])
                and last - first < 200
            ):
                joined[-1] = (first, end)
                continue
        joined.append((start, end))
    return joined


def _announced(text: str, spans: Sequence[tuple[int, int]], pieces: Sequence[str], at: int) -> int:
    """The last piece that the one at `at` announces: one sentence, or up to three lines; no list items."""
    last = at
    while last + 1 < len(pieces) and last - at < 3:
        following = pieces[last + 1]
        line = not following.endswith((".", "!", "?", "。"))
        item = bool(_ITEM.match(text[spans[last + 1][0] : spans[last + 1][1]]))
        too_long = len(" ".join(pieces[at : last + 2]).split()) > 50
        if item or too_long or following.endswith((":", "：")) or (last > at and not line):
            break
        last += 1
        if not line:
            break
    return last


def _figure(evidence: Evidence, text: str, above: frozenset[str]) -> Iterator[Unit]:
    """The sentences of the caption, which is the first line, and of what is written in the figure.

    The numbers along its axes say nothing by themselves.
    """
    caption, _, written = text.partition("\n")
    about = above | frozenset(stems(caption))
    for after, part in ((0, caption), (MOST_UNITS, written)):
        for unit in _prose(evidence, part, about, set()):
            if not _is_scale(unit.text):
                yield replace(unit, at=unit.at + after, first=unit.start + after)


def _is_scale(text: str) -> bool:
    words = text.split()
    return len(words) > 3 and 2 * sum(any(map(str.isdigit, word)) for word in words) >= len(words)


def _is_quotable(text: str) -> bool:
    """No page numbers, contents lines, or rubble; not too long."""
    cut = text.split()
    letters = sum(letter.isalnum() for letter in text)
    return letters >= 3 and letters * 3 >= len(text.replace(" ", "")) and len(cut) <= LONGEST and not is_listing(text)


def _table(evidence: Evidence, chunk: Chunk, above: frozenset[str], wanted: frozenset[str]) -> Iterator[Unit]:
    """Rows with their header cells, and the sentences of the caption."""
    lines = chunk.text.split("\n")
    first = next((at for at, line in enumerate(lines) if line.lstrip().startswith("|")), len(lines))
    caption = folded(" ".join(lines[:first]))
    yield from _prose(evidence, caption, above, set())
    rows = [_cells(line) for line in lines[first:] if line.strip().startswith("|") and not _RULE.match(line)]
    if not rows:
        return
    header = rows[0] if _heads(rows) else [""] * len(rows[0])
    named = _short(caption)
    about = above | frozenset(stems(caption))
    for at, row in enumerate(rows[1 if any(header) else 0 :], 1000):
        unit = _row(evidence, header, row, named, at, about, wanted)
        if unit:
            yield unit


def _row(
    evidence: Evidence,
    header: Sequence[str],
    row: Sequence[str],
    caption: str,
    at: int,
    about: frozenset[str],
    wanted: frozenset[str],
) -> Unit | None:
    """A row as label and cells; only the columns that are asked for, if some are."""
    pairs = [(head, cell) for head, cell in zip([*header, *[""] * len(row)], row, strict=False) if cell]
    if not pairs:
        return None
    label, cells = pairs[0][1], pairs[1:]
    asked = [(head, cell) for head, cell in cells if wanted & set(stems(head))]
    shown = (asked or cells)[:8]
    quoted = [label]
    parts = []
    for head, cell in shown:
        parts.append(TEMPLATES["cell"].format(header=head, cell=cell) if head else cell)
        quoted += [head, cell] if head else [cell]
    text = TEMPLATES["row"].format(label=label, cells=TEMPLATES["between"].join(parts)) if parts else label
    if caption:
        template = "numbered table" if _NUMBERED.match(caption) else "table"
        text = TEMPLATES[template].format(caption=caption, row=text)
        quoted.insert(0, caption)
    if not _is_quotable(text):
        return None
    return Unit(evidence, text, tuple(quoted), "row", at, tuple(stems(" ".join(row) + " " + " ".join(header))), about)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [folded(cell.replace("\\|", "|")) for cell in _CELL.split(inner)]


def _heads(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns rather than being one more row."""
    if len(rows) < 2 or not any(rows[0]):
        return False
    if any(len(cell.split()) > 6 for cell in rows[0]):
        return False
    shapes = [_shape(row[0]) for row in rows[1:] if row and row[0]]
    first = _shape(rows[0][0]) if rows[0] else ""
    return not (first not in ("", "plain") and shapes.count(first) * 10 >= len(shapes) * 6 > 0)


def _shape(cell: str) -> str:
    if not cell:
        return ""
    if re.fullmatch(r"[^\w]*[\d.,\s%$€£()-]+", cell):
        return "number"
    if re.search(r"[_()%\\^-]", cell):
        return "code"
    return "plain"


def _short(caption: str) -> str:
    """A caption short enough to name the table by."""
    if not caption or len(caption.split()) <= 10:
        return caption.rstrip(".:")
    numbered = _NUMBERED.match(caption)
    return numbered[0] if numbered else ""
