"""Answers as they are written: events in order, connections that end badly, and iterators closed early."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import aclosing

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rag.generators import openai_retry
from rag.generators.openai import OpenAI
from rag.generators.openai_reply import Spoken
from rag.generators.prompts.cited import REFUSAL

from rag.answer import Answer, Checked, Done, Event, Evidenced, Selection, Settings, TextPiece, query
from rag.errors import GenerationError
from rag.protocols import Streams
from tests.generators.build import selection
from tests.generators.endpoint import API, Behaviour, Exchange, delta, fails, says, send_events, serving, streams

CHOSEN = selection("In September 81 mm of rain fell.", "Snow fell.")
REPLY = "In September 81 mm of rain fell [1]. Snow – 雪 – fell【2】 and `x[1]` [9].\n\nSnow fell."
PLAIN = Settings()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_retry, "BASE", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def streamed(api: API, settings: Settings = PLAIN, chosen: Selection = CHOSEN, **options: object) -> list[Event]:
    model = OpenAI("m", api.url, **options)  # type: ignore[arg-type]
    assert isinstance(model, Streams)

    async def collect() -> list[Event]:
        return [event async for event in model.stream(query("How much rain fell?"), chosen, settings)]

    return asyncio.run(collect())


def texts(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextPiece))


def last(events: list[Event]) -> Answer:
    done = events[-1]
    assert isinstance(done, Done)
    return done.answer


def failing(*script: Behaviour, settings: Settings = PLAIN, **options: object) -> tuple[GenerationError, API]:
    with serving(*script) as api, pytest.raises(GenerationError) as caught:
        streamed(api, settings, **options)
    return caught.value, api


def test_events_come_in_order_and_make_the_answer() -> None:
    with serving(says(REPLY), says(REPLY)) as api:
        events = streamed(api)
        (whole,) = OpenAI("m", api.url).generate([query("How much rain fell?")], [CHOSEN], PLAIN)
    kinds = [type(event) for event in events]
    assert kinds == sorted(kinds, key=[Evidenced, TextPiece, Checked, Done].index)
    assert kinds.count(TextPiece) > 5
    assert events[0] == Evidenced(CHOSEN)
    answer = last(events)
    assert answer.text == texts(events) == whole.text
    assert (answer.citations, answer.claims, answer.notes) == (whole.citations, whole.claims, whole.notes)
    assert [event.claim for event in events if isinstance(event, Checked)] == list(answer.claims)
    assert answer.usage == whole.usage
    assert api.bodies[0]["stream"]
    assert api.bodies[0]["stream_options"] == {"include_usage": True}


def test_text_comes_before_the_answer_is_whole() -> None:
    async def first(model: OpenAI) -> float:
        started = time.monotonic()
        async with aclosing(model.stream(query("q"), CHOSEN, PLAIN)) as events:
            async for event in events:
                if isinstance(event, TextPiece):
                    return time.monotonic() - started
        return 99.0

    words = [json.dumps(delta({"content": "It rained a lot that year. "}))]
    with serving(streams(*words, then=lambda exchange: exchange.wait(5))) as api:
        assert asyncio.run(first(OpenAI("m", api.url))) < 2


def test_closing_the_iterator_closes_the_connection() -> None:
    async def some(model: OpenAI) -> None:
        async with aclosing(model.stream(query("q"), CHOSEN, PLAIN)) as events:
            async for event in events:
                if isinstance(event, TextPiece):
                    break

    def behave(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        send_events(exchange, [json.dumps(delta({"content": "It rained a lot. "}))])
        exchange.wait(10)

    with serving(behave) as api:
        asyncio.run(some(OpenAI("m", api.url)))
        assert api.gone.wait(2), "the server saw no end of the connection"


def test_cancelling_the_task_closes_the_connection() -> None:
    async def cancelled(api: API) -> None:
        async def listen() -> None:
            async with aclosing(OpenAI("m", api.url).stream(query("q"), CHOSEN, PLAIN)) as events:
                async for _ in events:
                    pass

        task = asyncio.create_task(listen())
        while not api.bodies:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(api.gone.wait, 2)

    with serving(lambda exchange: exchange.wait(10)) as api:
        asyncio.run(cancelled(api))


def test_nothing_selected_is_refused_without_a_call() -> None:
    with serving() as api:
        events = streamed(api, chosen=Selection(reason="nothing fits"))
    assert [type(event) for event in events] == [Evidenced, Done]
    assert api.bodies == []
    refusal = last(events).refusal
    assert refusal is not None
    assert refusal.reason == "nothing fits"


@pytest.mark.parametrize("said", [REFUSAL, f"{REFUSAL} It speaks of rain. [1]", f"<think>hm</think>\n{REFUSAL}"])
def test_a_refusal_is_not_shown_as_text(said: str) -> None:
    with serving(says(said)) as api:
        events = streamed(api)
    assert [type(event) for event in events] == [Evidenced, Done]
    assert last(events).refusal is not None


def test_what_only_begins_like_a_refusal_is_an_answer() -> None:
    for said in ("The evidence does not answer all. [1]", "The evid [1]", "The [2]"):
        with serving(says(said)) as api:
            events = streamed(api)
        assert texts(events) == last(events).text == said


def test_thoughts_are_left_out() -> None:
    thought = json.dumps(delta({"reasoning_content": "Snow? No."}))
    with serving(says("<think>Snow [2]?</think>\nRain fell. [1]"), streams(thought, *told("Rain fell. [1]"))) as api:
        assert texts(streamed(api)) == "Rain fell. [1]"
        assert texts(streamed(api)) == "Rain fell. [1]"


def test_a_thought_without_end_is_no_answer() -> None:
    error, _ = failing(says("<think>Snow? Rain? Snow?", "length"))
    assert "models that think need more" in str(error)


@example(["<think>", "</think>", "<think>"], 1)
@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<th", "ink>", "Rain [1]. ", " ", "\n", REFUSAL, "The evid"]),
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_pieces_do_not_matter(parts: list[str], size: int) -> None:
    reply = "".join(parts)
    whole, torn = Spoken(frozenset({1})), Spoken(frozenset({1}))
    shown = whole.feed(reply) + whole.end()
    told = "".join(torn.feed(reply[at : at + size]) for at in range(0, len(reply), size)) + torn.end()
    assert (told, torn.refused) == (shown, whole.refused)
    assert told == torn.text


def told(*pieces: str, finish: str | None = "stop") -> list[str]:
    return [*(json.dumps(delta({"content": piece})) for piece in pieces), json.dumps(delta({}, finish)), "[DONE]"]


def test_a_stream_without_its_last_line_is_whole_where_it_says_why_it_ended() -> None:
    with serving(streams(*told("Rain fell. [1]")[:-1])) as api:
        assert texts(streamed(api)) == "Rain fell. [1]"


def test_tools_are_never_called() -> None:
    called = json.dumps(delta({"tool_calls": [{"index": 0, "function": {"name": "rm", "arguments": "{}"}}]}))
    error, api = failing(streams(called, *told(finish="tool_calls")))
    assert "tools are never called" in str(error)
    assert len(api.bodies) == 1


def test_the_end_by_length_is_noted() -> None:
    with serving(streams(*told("Rain fell. [1] So [", finish="length"))) as api:
        answer = last(streamed(api))
    assert answer.text == "Rain fell. [1] So"
    assert "the reply was cut off at 512 tokens" in answer.notes
    assert "the endpoint counted no tokens" in answer.notes


def test_the_content_filter_refuses() -> None:
    with serving(streams(*told("Ra", finish="content_filter"))) as api:
        assert last(streamed(api)).refusal is not None


def test_a_busy_server_is_asked_again() -> None:
    with serving(fails(429), fails(503), says("Rain fell. [1]")) as api:
        assert last(streamed(api)).usage.calls == 3


def test_a_server_that_counts_no_tokens_of_streams() -> None:
    with serving(fails(400, "Unknown parameter: stream_options"), says("Rain fell. [1]")) as api:
        answer = last(streamed(api))
    assert "stream_options" not in api.bodies[1]
    assert answer.notes == ("the endpoint counted no tokens",)


@pytest.mark.parametrize("end", [Exchange.cut, Exchange.end], ids=["cut", "ended"])
def test_a_stream_that_breaks_before_its_first_word_is_tried_again(end: Behaviour) -> None:
    with serving(streams(json.dumps(delta({"role": "assistant"})), then=end), says("Rain fell. [1]")) as api:
        events = streamed(api)
    assert texts(events) == "Rain fell. [1]"
    assert last(events).usage.calls == 2


@pytest.mark.parametrize("end", [Exchange.cut, Exchange.end], ids=["cut", "ended"])
def test_a_stream_that_breaks_after_its_first_word_is_an_error(end: Behaviour) -> None:
    error, api = failing(streams(json.dumps(delta({"content": "Rain fell. "})), then=end))
    assert "the answer broke off" in str(error)
    assert error.retry
    assert len(api.bodies) == 1


def test_a_stall_is_an_error() -> None:
    started = time.monotonic()
    words = json.dumps(delta({"content": "Rain fell. "}))
    error, _ = failing(streams(words, then=lambda exchange: exchange.wait(9)), timeout=0.3)
    assert "the answer broke off" in str(error)
    assert "said nothing for 0.3 s" in str(error)
    assert error.retry
    assert time.monotonic() - started < 4


def test_the_deadline_ends_a_stream_that_never_stalls() -> None:
    def drip(exchange: Exchange) -> None:
        exchange.head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for _ in range(200):
            send_events(exchange, [json.dumps(delta({"content": "rain "}))])
            time.sleep(0.02)

    started = time.monotonic()
    error, _ = failing(drip, settings=Settings(deadline=0.4))
    assert "0.4 s" in str(error)
    assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("{broken", "an event is no JSON"),
        ("[1]", "no JSON object"),
        ("{}", "expected a list of choices"),
        ('{"choices": [5]}', "expected a delta"),
        ('{"choices": [{"delta": {"content": {}}}]}', "expected text"),
        ("[" * 5000, "an event is no JSON"),
    ],
)
def test_events_that_make_no_sense(payload: str, message: str) -> None:
    error, _ = failing(streams(json.dumps(delta({"content": "Rain fell. "})), payload))
    assert message in str(error)
    assert not error.retry


def test_an_error_in_the_stream() -> None:
    fault = json.dumps({"error": {"message": "The server is overloaded", "type": "overloaded_error"}})
    with serving(streams(fault), says("Rain fell. [1]")) as api:
        assert last(streamed(api)).usage.calls == 2
    error, _ = failing(streams(json.dumps(delta({"content": "Rain "})), fault))
    assert "overloaded" in str(error)
    assert error.retry


def test_a_reply_without_end_is_stopped() -> None:
    many = [json.dumps(delta({"content": "rain " * 20_000}))] * 12
    error, _ = failing(streams(*many))
    assert "more than 1,000,000 characters" in str(error)


def test_an_answer_in_json_where_a_stream_was_asked_for() -> None:
    error, _ = failing(lambda exchange: exchange.json({"choices": []}))
    assert "stream" in str(error)
