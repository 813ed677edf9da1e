"""Ask: a question to an answer that shows its evidence, or to a refusal that says why."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from rag.answer import Answer, Checked, Done, Event, Evidenced, Query, Selection, Settings, TextPiece
from rag.protocols import Generator, Retriever, Selector, Streams

from .search import Search


@dataclass(frozen=True, slots=True)
class Ask:
    """Retrieves `depth` candidates, selects evidence, and generates; each stage is batched."""

    retriever: Retriever
    selector: Selector
    generator: Generator
    depth: int = 30

    def __call__(self, queries: Sequence[Query], settings: Settings = Settings()) -> list[Answer]:  # noqa: B008
        """For each query its answer; `trace` holds the seconds of each stage, shared by a batch."""
        selections, trace = self._selected(queries)
        started = time.perf_counter()
        answers = self.generator.generate(queries, selections, settings)
        trace["generate"] = time.perf_counter() - started
        trace["total"] = sum(trace.values())
        return [costed(answer, trace, one) for answer, one in zip(answers, selections, strict=True)]

    async def stream(self, query: Query, settings: Settings = Settings()) -> AsyncIterator[Event]:  # noqa: B008
        """Evidence first, then text, then claims, then the answer.

        The compute stages run in a thread; cancelling the iterator stops before the next stage.
        """
        import asyncio

        selections, trace = await asyncio.to_thread(self._selected, [query])
        started = time.perf_counter()
        if isinstance(self.generator, Streams):
            async with closed(self.generator.stream(query, selections[0], settings)) as events:
                async for event in events:
                    if isinstance(event, Done):
                        trace["generate"] = time.perf_counter() - started
                        trace["total"] = sum(trace.values())
                        event = Done(costed(event.answer, trace, selections[0]))
                    yield event
            return
        yield Evidenced(selections[0])
        answer = (await asyncio.to_thread(self.generator.generate, [query], selections, settings))[0]
        trace["generate"] = time.perf_counter() - started
        trace["total"] = sum(trace.values())
        if answer.text:
            yield TextPiece(answer.text)
        for claim in answer.claims:
            yield Checked(claim)
        yield Done(costed(answer, trace, selections[0]))

    def select(self, queries: Sequence[Query]) -> list[Selection]:
        """For each query the evidence that it would be answered from: none if nothing fits."""
        return self._selected(queries)[0]

    def _selected(self, queries: Sequence[Query]) -> tuple[list[Selection], dict[str, float]]:
        started = time.perf_counter()
        hits = Search(self.retriever)(queries, self.depth)
        retrieved = time.perf_counter()
        selections = self.selector.select(queries, hits)
        selected = time.perf_counter()
        return selections, {"retrieve": retrieved - started, "select": selected - retrieved}


def costed(answer: Answer, trace: Mapping[str, float], selection: Selection) -> Answer:
    """The answer with its seconds, those of each scorer as `select.NAME` beside, and the calls of models added."""
    cost = selection.cost
    parts = {f"select.{name}": seconds for name, seconds in cost.items() if name not in ("calls", "input_tokens")}
    usage = replace(
        answer.usage,
        calls=answer.usage.calls + int(cost.get("calls", 0)),
        input_tokens=answer.usage.input_tokens + int(cost.get("input_tokens", 0)),
    )
    return replace(answer, trace={**trace, **parts}, usage=usage)


@asynccontextmanager
async def closed(events: AsyncIterator[Event]) -> AsyncIterator[AsyncIterator[Event]]:
    """The events, closed at the end of the block: a stream that is left early must not go on somewhere."""
    try:
        yield events
    finally:
        if isinstance(events, AsyncGenerator):
            await events.aclose()
