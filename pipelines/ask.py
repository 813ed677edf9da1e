"""Ask: a question to an answer that shows its evidence, or to a refusal that says why."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from rag.answer import Answer, Checked, Done, Event, Evidenced, Query, Selection, Settings, TextPiece
from rag.outstanding import narrowed
from rag.protocols import Compressor, Computes, Generator, Retriever, Selector, Streams

from .search import Search


@dataclass(frozen=True, slots=True)
class Ask:
    """Retrieves `depth` candidates, selects evidence, and generates; each stage is batched.

    Evidence of a look that the question names ("the red text") is narrowed to that text. A `compressor` narrows
    all to the token budget of the settings before it is shown.
    """

    retriever: Retriever
    selector: Selector
    generator: Generator
    depth: int = 30
    compressor: Compressor | None = None
    computed: Computes | None = None
    """Asked first: what the catalog itself answers needs no evidence to be looked for."""

    def __call__(self, queries: Sequence[Query], settings: Settings = Settings()) -> list[Answer]:  # noqa: B008
        """For each query its answer; `trace` holds the seconds of each stage, shared by a batch."""
        computed, seconds = self._computed(queries)
        left = [query for query, answer in zip(queries, computed, strict=True) if answer is None]
        trace = {"compute": seconds}
        written: list[Answer] = []
        selections: list[Selection] = []
        if left:
            selections, took = self._selected(left, settings)
            started = time.perf_counter()
            written = self.generator.generate(left, selections, settings)
            trace |= {**took, "generate": time.perf_counter() - started}
        trace["total"] = sum(trace.values())
        rest = iter(costed(answer, trace, one) for answer, one in zip(written, selections, strict=True))
        return [replace(answer, trace=trace) if answer else next(rest) for answer in computed]

    async def stream(self, query: Query, settings: Settings = Settings()) -> AsyncIterator[Event]:  # noqa: B008
        """Evidence first, then text, then claims, then the answer.

        The compute stages run in a thread; cancelling the iterator stops before the next stage.
        """
        import asyncio

        computed, seconds = await asyncio.to_thread(self._computed, [query])
        if computed[0] is not None:
            answer = replace(computed[0], trace={"compute": seconds, "total": seconds})
            for event in _told(Selection(answer.evidence), answer):
                yield event
            return
        selections, took = await asyncio.to_thread(self._selected, [query], settings)
        trace = {"compute": seconds, **took}
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
        for event in list(_told(selections[0], costed(answer, trace, selections[0])))[1:]:
            yield event

    def select(self, queries: Sequence[Query], settings: Settings = Settings()) -> list[Selection]:  # noqa: B008
        """For each query the evidence that it would be answered from: none if nothing fits."""
        return self._selected(queries, settings)[0]

    def _computed(self, queries: Sequence[Query]) -> tuple[list[Answer | None], float]:
        started = time.perf_counter()
        answers: list[Answer | None] = [None] * len(queries)
        if self.computed:
            answers = self.computed.compute(queries)
        return answers, time.perf_counter() - started

    def _selected(self, queries: Sequence[Query], settings: Settings) -> tuple[list[Selection], dict[str, float]]:
        started = time.perf_counter()
        hits = Search(self.retriever)(queries, self.depth)
        retrieved = time.perf_counter()
        selections = [
            narrowed(query, one) for query, one in zip(queries, self.selector.select(queries, hits), strict=True)
        ]  # fmt: skip
        trace = {"retrieve": retrieved - started, "select": time.perf_counter() - retrieved}
        if self.compressor is not None:
            budget, began = max(1, settings.token_budget), time.perf_counter()
            pairs = zip(queries, selections, strict=True)
            selections = [self.compressor.compress(query, one, budget) for query, one in pairs]
            trace["compress"] = time.perf_counter() - began
        return selections, trace


def _told(selection: Selection, answer: Answer) -> Iterator[Event]:
    """A whole answer as events."""
    yield Evidenced(selection)
    if answer.text:
        yield TextPiece(answer.text)
    for claim in answer.claims:
        yield Checked(claim)
    yield Done(answer)


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
