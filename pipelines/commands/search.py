"""`rag search`: find passages, tables and figures."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from .looking import looking, picture_arguments
from .options import SOME_FAILED, print_json, question_arguments, questions, tell_error, tell_lag

if TYPE_CHECKING:
    from rag.corpus import Corpus


class Search:
    help = "find passages, tables and figures"
    description = (
        "Find what fits a question, best first. Each hit has its place: page and box, or path.\n"
        '  rag search "net revenues" --where source="*10K*" --where page=3..40'
    )

    def arguments(self, parser: ArgumentParser) -> None:
        question_arguments(parser)
        parser.add_argument("--k", type=int, default=10, help="how many hits (default: 10)")
        picture_arguments(parser)
        parser.add_argument(
            "--explain", action="store_true", help="show each stage's candidates and why they were dropped"
        )

    def run(self, options: Namespace) -> int:
        if options.k < 0:
            raise ValueError("--k must not be negative")
        corpus, shown = looking(options)
        tell_lag(corpus)
        failed = 0
        for asked in questions(options):
            if asked.error:
                failed += 1
                tell_error(asked, options)
                continue
            started = time.perf_counter()
            query = shown(asked.query)
            hits = corpus.hits([query], options.k)[0]
            told = _told(asked.text, hits, time.perf_counter() - started, corpus)
            if options.explain:
                told["stages"] = corpus.explain(query, k=options.k)
            if options.json:
                print_json({**asked.named, **told})
            else:
                _print(told, hits)
        return SOME_FAILED if failed else 0


def _told(text: str, hits: list[Any], seconds: float, corpus: Corpus) -> dict[str, Any]:
    from rag.shown import Found

    listed = [Found(corpus.store, hit, rank).to_json() for rank, hit in enumerate(hits, 1)]
    return {"query": text, "hits": listed, "seconds": round(seconds, 4)}


def _print(told: dict[str, Any], hits: list[Any]) -> None:
    from rag import contract

    if not hits:
        print("nothing found")
    for hit, plain in zip(hits, told["hits"], strict=True):
        chunk = hit.chunk
        channels = ", ".join(f"{name} {part['rank']}" for name, part in plain["parts"].items())
        label = plain.get("page_label", "")
        print(f"{plain['rank']:>2}. {contract.where(chunk.origin.places, plain['source'], label)}")
        print(f"    {plain['modality']} {chunk.id[:12]}  score {plain['score']:.4f}  ({channels})")
        if chunk.headings:
            print(f"    {contract.visible(' > '.join(chunk.headings))}")
        print(f"    {contract.visible(' '.join(chunk.text.split())[:300]) or '(no text)'}")
        if chunk.summary:
            print(f"    {contract.described(chunk.summary)[:300]}")
        for one in chunk.mentions[:1]:
            at = contract.where_it_lies(one.place, "").removeprefix(", ")
            print(f"    mentioned: {contract.visible(one.text)[:160]} ({at})")
        print()
    for stage in told.get("stages", []):
        print(f"stage {stage['stage']}: {len(stage['candidates'])} candidates")
        for one in stage["candidates"]:
            fate = f"kept at {one['kept_at']}" if one["kept_at"] else f"dropped: {one['dropped']}"
            print(f"  {one['rank']:>3}. {one['chunk_id'][:12]} {one['score']:<10} {one['source']}  {fate}")
