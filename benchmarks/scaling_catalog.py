"""The catalog's steps of `scaling.py`: documents of a thousand chunks with their vectors, as an ingest writes them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import scaling
from rag.document import Box, Chunk, Head, Origin, PageRegion, Part, Source
from rag.identity import identified
from rag.store.catalog import Catalog
from rag.store.rows import part_rows
from rag.store.writer import Writer

A_DOCUMENT = 1000
A_PART = 200
ASKED = 60
"""Chunks that a search reads."""


def build(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """Whole documents until `count` chunks are there or `limit` seconds are spent in the catalog."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = Writer(folder / "catalog.sqlite")
    encoder = writer.encoder("synthetic", "synthetic", scaling.DIM)
    spent, done, firsts = 0.0, 0, 0.0
    while done < count and spent < limit:
        source = _source(done // A_DOCUMENT)
        parts = [_part(source, done, number) for number in range(A_DOCUMENT // A_PART)]
        rows = [(part_rows(part, chunks), vectors) for part, chunks, vectors in parts]
        started = time.perf_counter()
        building = writer.begin(source.uri, source, "scale")
        for part, vectors in rows:
            writer.add_part(building.row, part, {encoder: vectors})
        writer.finish(building.row, source.uri, source, {}, title="", language="en", kept=False)
        spent += time.perf_counter() - started
        done += A_DOCUMENT
        if done <= count // 2:
            firsts = spent
    started = time.perf_counter()
    writer.close()
    spent += time.perf_counter() - started
    yield {
        "step": "build", "count": done, "seconds": spent, "commit_seconds": 0.0,
        "second_half": (spent - firsts) / max(firsts, 1e-9),
    }  # fmt: skip


def query(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """Read as many chunks as a search does, by their ids."""
    started = time.perf_counter()
    catalog = Catalog(folder / "catalog.sqlite")
    size = catalog.counts()["chunks"]
    yield {"step": "open", "seconds": time.perf_counter() - started, "count": size, "hits": 0}
    known = [
        chunk.id for number in range(0, size // A_DOCUMENT, max(1, size // A_DOCUMENT // 20))
        for chunk in _part(_source(number), number * A_DOCUMENT, 0)[1]
    ]  # fmt: skip
    times = []
    for number in range(scaling.QUERIES):
        wanted = [known[(number * 7919 + at * 104729) % len(known)] for at in range(ASKED)]
        started = time.perf_counter()
        found = catalog.chunks(wanted)
        times.append(time.perf_counter() - started)
        if len(found) != len(set(wanted)):
            raise SystemExit(f"{len(set(wanted)) - len(found)} chunks are not there")
    times.sort()
    yield {
        "step": "query",
        "p50": times[len(times) // 2],
        "p95": times[int(len(times) * 0.95)],
        "questions": len(times),
    }
    catalog.close()


def delete(name: str, folder: Path, count: int, limit: float) -> Iterator[dict[str, Any]]:
    """One document in a hundred goes (one at least)."""
    writer = Writer(folder / "catalog.sqlite")
    documents = range(0, count // A_DOCUMENT, 100)
    started = time.perf_counter()
    gone = sum(writer.remove(_source(number).uri) for number in documents)
    yield {"step": "delete", "seconds": time.perf_counter() - started, "count": gone, "left": count - gone}
    writer.close()


def _source(number: int) -> Source:
    return Source(f"doc-{number}.pdf", "application/pdf", f"{number:064x}", f"/doc-{number}.pdf")


def _part(source: Source, first: int, number: int) -> tuple[Part, list[Chunk], dict[str, Any]]:
    start = first + number * A_PART
    texts, vectors = scaling.texts(start, A_PART), scaling.vectors(start, A_PART)
    chunks = list(identified(
        Chunk("", "text", Origin(source, (PageRegion(1 + number * A_PART + at, Box(0.1, 0.1, 0.9, 0.9)),)), text)
        for at, text in enumerate(texts)
    ))  # fmt: skip
    views = {view.digest: vector for chunk, vector in zip(chunks, vectors, strict=True)
             for view in chunk.views if view.name == "contextual"}  # fmt: skip
    return Part(number, Head(pages=A_DOCUMENT)), chunks, views


STEPS = {"build": build, "query": query, "delete": delete}
