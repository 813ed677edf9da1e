"""Gold and rankings in TREC format, for trec_eval, ir_measures and their kin.

qrels: `question 0 unit 1`; run: `question Q0 unit rank score tag`. Names are percent-encoded, as the
format parts them by white space; units are named `DOCUMENT/p3` (page), `DOCUMENT/gold-block` and so on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote

from .records import SCOPES, Record
from .units import ranked_units


def qrels(records: Iterable[Record]) -> Iterator[str]:
    """A line for each gold unit of each answerable question."""
    for one in records:
        if one.answerable:
            yield from (f"{_word(one.id)} 0 {_word(unit)} 1" for unit in one.gold)


def ranking(records: Iterable[Record], scope: str, tag: str) -> Iterator[str]:
    """The units of each answerable question in order of first hit; scores fall, as ranks rise."""
    for one in records:
        if one.answerable:
            units = ranked_units([hit.units for hit in one.hits(scope) or ()])
            for rank, unit in enumerate(units, 1):
                yield f"{_word(one.id)} Q0 {_word(unit)} {rank} {len(units) + 1 - rank} {_word(tag)}"


def write(folder: Path, records: Iterable[Record], tag: str) -> list[Path]:
    """`qrels.txt`, and `corpus.run` and `document.run` where they were searched; the files written."""
    kept = list(records)
    files = {folder / "qrels.txt": list(qrels(kept))}
    for scope in SCOPES:
        if any(one.hits(scope) is not None for one in kept):
            files[folder / f"{scope}.run"] = list(ranking(kept, scope, tag))
    for path, lines in files.items():
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return list(files)


def _word(text: str) -> str:
    return quote(text, safe="/:@+-._~[]") or "-"
