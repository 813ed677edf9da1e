"""Answers and hits as the JSON that other programs read: the contract of `--json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rag.answer import Answer, Evidence, Hit
from rag.document import Box, CellRange, CharSpan, Coloured, MarkupPath, PageRegion, Place, Summary, TimeSpan
from rag.report import Outcome

Plain = dict[str, Any]


def place(one: Place) -> Plain:
    """A place with its kind: page and box, path, seconds, or characters."""
    match one:
        case PageRegion(page, box):
            return {"kind": "page", "page": page, "box": _box(box)}
        case CellRange(sheet, cells):
            return {"kind": "cells", "sheet": sheet, "range": cells}
        case MarkupPath(path):
            return {"kind": "path", "path": path}
        case TimeSpan(start, end):
            return {"kind": "time", "start": start, "end": end}
        case CharSpan(start, end):
            return {"kind": "chars", "start": start, "end": end}


def hit(one: Hit, rank: int, label: str = "") -> Plain:
    """One hit; `page`, `box`, `path`, `start` and `end` (seconds) are those of the first place that has them.

    A span of characters or a range of cells stands in `places` alone. `page_label` is there where the page's
    printed `label` ("iv") is not its number, and `mentions` where sentences elsewhere name the figure or table.
    `coloured` are the characters of the text, or of one of the headings, that stand out by their colour.
    `summary` was written by a model or composed: what a picture was found by, and no words of the document.
    """
    chunk = one.chunk
    places = [place(each) for each in chunk.origin.places]
    page = next((each for each in places if each["kind"] == "page"), {})
    path = next((each for each in places if each["kind"] == "path"), {})
    span = next((each for each in places if each["kind"] == "time"), {})
    return {
        "rank": rank,
        "score": round(one.score, 6),
        "chunk_id": chunk.id,
        "modality": chunk.modality,
        "role": chunk.role,
        "source": chunk.origin.source.uri,
        "title": chunk.title,
        "page": page.get("page"),
        **({"page_label": label} if label else {}),
        "box": page.get("box"),
        "path": path.get("path"),
        "start": span.get("start"),
        "end": span.get("end"),
        "places": places,
        "text": chunk.text,
        **(
            {"mentions": [{"text": each.text, "place": place(each.place)} for each in chunk.mentions]}
            if chunk.mentions
            else {}
        ),
        **({"coloured": [_coloured(each) for each in chunk.coloured]} if chunk.coloured else {}),
        **({"summary": {"made": chunk.summary.made, "text": chunk.summary.text}} if chunk.summary else {}),
        "headings": list(chunk.headings),
        "labels": dict(chunk.labels),
        "parts": {name: {"rank": part.rank, "score": round(part.score, 6)} for name, part in sorted(one.parts.items())},
    }


def _coloured(one: Coloured) -> Plain:
    """Characters that stand out, and by what; those of a heading name its number in `headings`."""
    return {
        "start": one.start,
        "end": one.end,
        **({"heading": one.heading} if one.heading >= 0 else {}),
        **{name: told for name in ("letters", "ground", "mark") if (told := getattr(one, name))},
        "places": [place(each) for each in one.places],
    }


def evidence(one: Evidence) -> Plain:
    """A piece of evidence: its number, its relevance, and the hit's fields."""
    return {"number": one.number, "relevance": round(one.relevance, 4), **hit(one.hit, one.number)}


def answer(text: str, one: Answer) -> Plain:
    """An answer to the question `text`."""
    refusal = one.refusal
    return {
        "query": text,
        "answer": one.text,
        "abstained": refusal is not None,
        "reason": refusal.reason if refusal else None,
        "near_misses": [evidence(miss) for miss in refusal.near_misses] if refusal else [],
        "citations": [
            {"start": each.start, "end": each.end, "evidence": list(each.evidence)} for each in one.citations
        ],
        "claims": [
            {"start": each.start, "end": each.end, "status": each.status, "support": list(each.support)}
            for each in one.claims
        ],
        "evidence": [evidence(each) for each in one.evidence],
        "usage": {
            "input_tokens": one.usage.input_tokens,
            "output_tokens": one.usage.output_tokens,
            "images": one.usage.images,
            "calls": one.usage.calls,
        },
        "seconds": seconds(one.trace),
        **({"notes": list(one.notes)} if one.notes else {}),
    }


def seconds(trace: Mapping[str, float]) -> dict[str, float]:
    """Stage times, rounded to the tenth of a millisecond."""
    return {stage: round(spent, 4) for stage, spent in trace.items()}


def outcome(one: Outcome) -> Plain:
    """One line of an ingest report."""
    error = one.error
    return {
        "source": one.source,
        "status": one.status,
        "pages": one.pages,
        "chunks": one.chunks,
        "seconds": round(one.seconds, 3),
        "warnings": list(one.warnings),
        "error": {"type": error.type, "message": error.message, "place": error.place} if error else None,
    }


def looks(one: Coloured) -> str:
    """How some characters look, for people: "red", "white on red", "highlighted in yellow"."""
    if one.mark:
        return " ".join(filter(None, (one.letters, f"{one.mark} in {one.ground}" if one.ground else one.mark)))
    return f"{one.letters or 'text'} on {one.ground}" if one.ground else one.letters


def described(one: Summary) -> str:
    """A summary for people, who are to see that it is none of the document's words."""
    return f"{'described by a model' if one.made == 'written' else 'composed'}: {visible(one.text)}"


def visible(text: str) -> str:
    """Control and direction marks spelt out, so that a file's name cannot rewrite a terminal."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def where_it_lies(one: Place, source: str, label: str = "") -> str:
    """A place in words, for people: `report.pdf, page 3`; `label` is what is printed on the page, if it differs."""
    source = visible(source)
    match one:
        case PageRegion(page, box):
            whole = box == Box(0.0, 0.0, 1.0, 1.0)
            printed = f" ({visible(label)})" if label else ""
            return f"{source}, page {page}{printed}" + ("" if whole else f", box {_box(box)}")
        case CellRange(sheet, cells):
            return f"{source}, sheet {visible(sheet)}, cells {cells}"
        case MarkupPath(path):
            return f"{source}, {path}"
        case TimeSpan(start, end):
            return f"{source}, {_clock(start)} to {_clock(end)}"
        case CharSpan(start, end):
            return f"{source}, characters {start} to {end}"


def where(places: Sequence[Place], source: str, label: str = "") -> str:
    """Places in words: the first, and the further pages on which the others stand."""
    first, pages = places[0], dict.fromkeys(one.page for one in places if isinstance(one, PageRegion))
    more = [str(page) for page in pages if isinstance(first, PageRegion) and page != first.page]
    return where_it_lies(first, source, label) + (f", and on page {', '.join(more)}" if more else "")


def _clock(seconds: float) -> str:
    tenths = round(seconds * 10)  # first, or 59.96 s would be 0:60.0
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def _box(box: Box) -> list[float]:
    return [box.left, box.top, box.right, box.bottom]
