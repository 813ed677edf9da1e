"""Whole answers from a chat endpoint: what is asked, what comes back, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
import time

import pytest
from rag.generators import openai_retry
from rag.generators.openai import OpenAI
from rag.generators.prompts.cited import REFUSAL

from rag.answer import Answer, Selection, Settings, query
from rag.config import Builder
from rag.describe import describe
from rag.errors import ConfigError, GenerationError
from rag.profile import load_profile
from tests.generators.build import selection
from tests.generators.endpoint import (
    API,
    Behaviour,
    Exchange,
    answers,
    choice,
    completion,
    fails,
    says,
    sends,
    serving,
)

RAIN = "In September 81 mm of rain fell."
KEY = "sk-test-0123456789abcdef"
PLAIN = Settings()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_retry, "BASE", 0.01)
    for name in ("OPENAI_API_KEY", "OPENAI_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def ask(api: API, settings: Settings = PLAIN, chosen: Selection | None = None, **options: object) -> Answer:
    model = OpenAI("m", api.url, **options)  # type: ignore[arg-type]
    return model.generate([query("How much rain fell?")], [chosen or selection(RAIN, "Snow fell.")], settings)[0]


def failing(*script: Behaviour, settings: Settings = PLAIN, **options: object) -> tuple[GenerationError, API]:
    with serving(*script) as api, pytest.raises(GenerationError) as caught:
        ask(api, settings, **options)
    return caught.value, api


# --- what comes back ----------------------------------------------------------------------------------


def test_an_answer_is_cited_checked_and_counted() -> None:
    with serving(says("81 mm of rain fell in September [1]. It was warm [5].")) as api:
        answer = ask(api)
    assert answer.text == "81 mm of rain fell in September. [1] It was warm."
    (citation,) = answer.citations
    assert answer.text[citation.start : citation.end] == "81 mm of rain fell in September."
    assert citation.evidence == (1,)
    assert [claim.status for claim in answer.claims] == ["supported", "unsupported"]
    assert (answer.usage.input_tokens, answer.usage.calls, answer.usage.images) == (11, 1, 0)
    assert answer.usage.output_tokens > 5
    assert len(answer.evidence) == 2
    assert answer.trace["model"] > 0
    assert answer.notes == ("the reply cites [5], which it was not given; taken out",)


def test_the_request() -> None:
    settings = Settings(max_tokens=77, temperature=0.5, stop=("END",), seed=3, n=2)
    with serving(says("Rain fell. [1]")) as api:
        ask(api, settings, body={"top_p": 0.9}, headers={"X-Team": "red"}, key=KEY)
    (body,) = api.bodies
    assert {name: body[name] for name in ("model", "max_tokens", "temperature", "stop", "seed", "n", "top_p")} == {
        "model": "m", "max_tokens": 77, "temperature": 0.5, "stop": ["END"], "seed": 3, "n": 2, "top_p": 0.9,
    }  # fmt: skip
    assert not body["stream"]
    assert "stream_options" not in body
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert api.headers[0]["authorization"] == f"Bearer {KEY}"
    assert api.headers[0]["x-team"] == "red"


def test_the_key_comes_from_the_environment_and_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    with serving(fails(401, f"Incorrect API key provided: {KEY}.")) as api:
        model = OpenAI("m", api.url, key_env="MY_KEY", headers={"X-Secret": "hush-hush-hush"})
        with pytest.raises(GenerationError, match=r"401.*Incorrect API key provided: \*\*\*.*check the key") as caught:
            model.generate([query("q")], [selection(RAIN)], Settings())
    assert api.headers[0]["authorization"] == f"Bearer {KEY}"
    assert not caught.value.retry
    told = f"{caught.value!r} {model!r} {describe(model)} {vars(model)}"
    assert KEY not in told
    assert "hush" not in told


def test_no_key_is_sent_where_there_is_none() -> None:
    with serving(says("Rain fell. [1]")) as api:
        ask(api)
    assert "authorization" not in api.headers[0]


def test_model_and_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(says("Rain fell. [1]")) as api:
        monkeypatch.setenv("OPENAI_MODEL", "other")
        monkeypatch.setenv("OPENAI_BASE_URL", api.url)
        OpenAI().generate([query("q")], [selection(RAIN)], Settings())
    assert api.bodies[0]["model"] == "other"


def test_the_server_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    table = load_profile("server")["generator"]
    with pytest.raises(ConfigError, match="model and base_url are not known"):
        Builder().build(table)
    monkeypatch.setenv("OPENAI_MODEL", "other")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    assert Builder().build(table).model == "other"
    given = Builder().build({**table, "model": "mine", "headers": {"X-Team": "red"}, "body": {"top_p": 0.5}})
    assert (given.model, given.body) == ("mine", {"top_p": 0.5})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "", "base_url": "http://127.0.0.1/v1"}, "model and base_url are not known"),
        ({"model": "m", "base_url": ""}, "OPENAI_BASE_URL"),
        ({"attempts": 0}, "at least 1"),
        ({"timeout": 0.0}, "above 0"),
        ({"dpi": 5}, "dpi 36 to 600"),
        ({"max_pixels": 5}, "max_pixels"),
        ({"body": {"messages": []}}, "body cannot set messages"),
        ({"body": {"tools": []}}, "body cannot set tools"),
    ],
)
def test_bad_settings_are_told_at_once(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OpenAI(**{"model": "m", "base_url": "http://127.0.0.1:9/v1", **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("base_url", ["localhost:8000", "ftp://localhost/v1", "http://"])
def test_a_bad_address_is_told_at_once(base_url: str) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        OpenAI("m", base_url)


def test_nothing_selected_is_refused_without_a_call() -> None:
    with serving() as api:
        answer = ask(api, chosen=Selection(reason="nothing fits", near_misses=selection(RAIN).evidence))
    assert api.bodies == []
    assert answer.refusal is not None
    assert answer.refusal.reason == "nothing fits"
    assert len(answer.refusal.near_misses) == 1


@pytest.mark.parametrize(
    "said", [REFUSAL, f"**{REFUSAL}**", f"{REFUSAL} I only see rain. [1]", f" {REFUSAL.lower()}\n"]
)
def test_the_fixed_sentence_is_a_refusal(said: str) -> None:
    with serving(says(said)) as api:
        answer = ask(api)
    assert answer.text == ""
    assert answer.refusal is not None
    assert "found no answer" in answer.refusal.reason
    assert [one.number for one in answer.refusal.near_misses] == [1, 2]
    assert answer.usage.calls == 1


def test_a_reply_that_rests_on_nothing_is_no_answer() -> None:
    with serving(says("The election was won\nby Smith. [8]"), says("The election was won by Smith. [1]")) as api:
        answer = ask(api)
        cited = ask(api)
    assert (answer.text, answer.citations, answer.claims) == ("", (), ())
    assert answer.refusal is not None
    assert "rests on none of the evidence" in answer.refusal.reason
    assert "the model said: The election was won by Smith." in answer.notes
    assert [claim.status for claim in cited.claims] == ["unsupported"], "what is cited can be looked up"


def test_a_partial_answer_is_no_refusal() -> None:
    with serving(says(f"In September 81 mm fell. [1] {REFUSAL}")) as api:
        answer = ask(api)
    assert answer.refusal is None
    assert [claim.status for claim in answer.claims] == ["supported"]


def test_thoughts_are_left_out() -> None:
    with serving(says("<think>\nSnow [2]? No.\n</think>\n\nRain fell. [1]")) as api:
        assert ask(api).text == "Rain fell. [1]"


def test_the_content_filter_refuses() -> None:
    with serving(says("Ra", "content_filter")) as api:
        answer = ask(api)
    assert answer.refusal is not None
    assert "content filter" in answer.refusal.reason


def test_a_models_own_refusal() -> None:
    body = completion([choice(None, refusal="I cannot help\nwith that.")])
    with serving(answers(body)) as api:
        answer = ask(api)
    assert answer.refusal is not None
    assert answer.refusal.reason == "the model refused: I cannot help with that."
    assert answer.notes == ("the endpoint counted no tokens",)


def test_a_reply_that_was_cut_off_is_told() -> None:
    with serving(says("In September 81 mm of rain fell. [1] It al [1", "length")) as api:
        answer = ask(api, Settings(max_tokens=9))
    assert answer.text.endswith("It al")
    assert "the reply was cut off at 9 tokens" in answer.notes


def test_content_in_parts_is_text() -> None:
    parts = [{"type": "text", "text": "Rain "}, {"type": "other"}, {"type": "text", "text": "fell. [1]"}]
    with serving(answers(completion([choice(None) | {"message": {"content": parts}}]))) as api:
        assert ask(api).text == "Rain fell. [1]"


def test_tools_are_never_called() -> None:
    called = [{"id": "c", "type": "function", "function": {"name": "open", "arguments": '{"path": "/etc/passwd"}'}}]
    with serving(answers(completion([choice("Rain fell. [1]", "tool_calls", tool_calls=called)]))) as api:
        assert ask(api).text == "Rain fell. [1]"
    error, api = failing(answers(completion([choice(None, "tool_calls", tool_calls=called)])))
    assert "tools are never called" in str(error)
    assert len(api.bodies) == 1


def test_of_several_choices_the_best_supported_is_given() -> None:
    told = [choice("Fish swam. [1]"), choice(REFUSAL, index=1), choice("In September 81 mm fell. [1]", index=2)]
    with serving(answers(completion(told))) as api:
        assert ask(api, Settings(n=3)).text == "In September 81 mm fell. [1]"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        (sends(b"{not json"), "no JSON came back"),
        (sends(b"<html>Sign in</html>", "text/html"), "Sign in|text/html"),
        (sends(b"[1, 2]"), "expected a JSON object"),
        (sends(b"[" * 100_000), "no JSON came back"),
        (answers({}), "expected a list of choices"),
        (answers({"choices": []}), "holds no choice"),
        (answers({"choices": [7]}), "expected a message"),
        (answers({"choices": [{"message": "x"}]}), "expected a message"),
        (answers({"choices": [{"message": {"content": 5}}]}), "expected text"),
        (answers(completion([choice("")])), "the reply is empty"),
        (answers(completion([choice("  \n", "length")])), "no text within 512 tokens; raise max_tokens"),
        (answers(completion([choice("x" * 1_000_001)])), "more than 1,000,000 characters"),
        (answers({"error": {"message": "No such model", "code": 404}}), "No such model"),
    ],
)
def test_what_is_no_answer_is_an_error(behaviour: Behaviour, message: str) -> None:
    error, api = failing(behaviour)
    assert error.model == "m"
    assert not error.retry
    assert len(api.bodies) == 1
    with pytest.raises(GenerationError, match=message):
        raise error


def test_a_huge_response_is_refused() -> None:
    def behave(exchange: Exchange) -> None:
        exchange.head(200, "application/json", {"Transfer-Encoding": "chunked"})
        for _ in range(70):
            exchange.bytes(b" " * 2**20)

    error, _ = failing(behave)
    assert "limit" in str(error)


# --- trying again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    with serving(fails(status, "busy"), fails(status, "busy"), says("Rain fell. [1]")) as api:
        answer = ask(api)
    assert answer.text == "Rain fell. [1]"
    assert answer.usage.calls == 3
    assert answer.trace["waits"] > 0
    assert f"answered at attempt 3, after: {api.url[:-3]}: status {status}: busy" in answer.notes


def test_a_cut_connection_is_tried_again() -> None:
    def half(exchange: Exchange) -> None:
        exchange.head(200, "application/json", {"Content-Length": "1000"})
        exchange._handler.wfile.write(b'{"choices": [')
        exchange._handler.wfile.flush()
        exchange.cut()

    with serving(Exchange.cut, half, says("Rain fell. [1]")) as api:
        assert ask(api).usage.calls == 3


def test_an_error_under_status_200_is_tried_again() -> None:
    with serving(answers({"error": {"message": "Overloaded", "code": 503}}), says("Rain fell. [1]")) as api:
        assert ask(api).usage.calls == 2


def test_retry_after_is_kept() -> None:
    with serving(fails(429, "slow down", {"Retry-After": "0.4"}), says("Rain fell. [1]")) as api:
        ask(api)
    assert 0.39 < api.times[1] - api.times[0] < 3


def test_a_long_retry_after_is_told_instead() -> None:
    error, api = failing(fails(429, "quota", {"Retry-After": "3600"}))
    assert "asks to wait 3600 s" in str(error)
    assert error.retry
    assert len(api.bodies) == 1


def test_attempts_come_to_an_end() -> None:
    error, api = failing(*[fails(503, "busy")] * 5, attempts=3)
    assert len(api.bodies) == 3
    assert (error.attempt, error.retry) == (3, True)
    assert "busy (after 3 attempts)" in str(error)


@pytest.mark.parametrize(("status", "advice"), [(400, ""), (401, "check the key"), (403, "key"), (404, "base_url")])
def test_what_no_repetition_mends_is_told_at_once(status: int, advice: str) -> None:
    error, api = failing(fails(status, "so not"))
    assert len(api.bodies) == 1
    assert not error.retry
    assert "so not" in str(error)
    assert advice in str(error)


def test_no_server_at_all() -> None:
    with serving() as api:
        pass
    with pytest.raises(GenerationError, match="cannot connect") as caught:
        ask(api, attempts=2)
    assert caught.value.retry


def test_a_silent_server_is_given_up() -> None:
    started = time.monotonic()
    error, _ = failing(lambda exchange: exchange.wait(5), timeout=0.2, attempts=1)
    assert "said nothing for 0.2 s" in str(error)
    assert error.retry
    assert time.monotonic() - started < 3


def test_the_deadline_bounds_everything() -> None:
    started = time.monotonic()
    error, _ = failing(lambda exchange: exchange.wait(5), settings=Settings(deadline=0.3))
    assert "no answer within 0.3 s" in str(error)
    assert error.retry
    error, api = failing(fails(503, "busy", {"Retry-After": "9"}), settings=Settings(deadline=0.5))
    assert "the deadline leaves no time to try again" in str(error)
    assert len(api.bodies) == 1
    error, api = failing(settings=Settings(deadline=0.0))
    assert "the deadline of 0 s has passed" in str(error)
    assert api.bodies == []
    assert time.monotonic() - started < 4


def test_waits_have_full_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_retry, "BASE", 0.5)
    bounds: list[float] = []

    def uniform(low: float, high: float) -> float:
        assert low == 0
        bounds.append(high)
        return 0.0

    monkeypatch.setattr(openai_retry.random, "uniform", uniform)
    failing(*[fails(500)] * 8, attempts=8)
    assert bounds == [0.5, 1, 2, 4, 8, 16, 20]


# --- servers that know a part of the API --------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "message", "gone", "came"),
    [
        (400, "Unsupported: 'max_tokens'. Use 'max_completion_tokens'.", "max_tokens", "max_completion_tokens"),
        (400, "Unsupported value: 'temperature' does not support 0.0. Only the default (1).", "temperature", ""),
        (422, '[{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]', "seed", ""),
        (400, "Unrecognized request argument supplied: 'stop'", "stop", ""),
        (400, "'n' is not supported", "n", ""),
        (400, "Field 'n': Value must be between 1 <= value <= 1, but got 2", "n", ""),
    ],
)  # fmt: skip
def test_what_a_server_does_not_know_is_left_out(status: int, message: str, gone: str, came: str) -> None:
    settings = Settings(stop=("END",), n=2)
    with serving(fails(status, message), says("Rain fell. [1]"), says("Rain fell. [1]")) as api:
        model = OpenAI("m", api.url)
        for _ in range(2):
            (answer,) = model.generate([query("q")], [selection(RAIN)], settings)
    first, second, third = api.bodies
    assert gone in first
    assert gone not in second
    assert gone not in third, "it is remembered"
    assert not came or second[came] == settings.max_tokens
    assert came or answer.notes == (f"the endpoint does not take {gone!r}, so it was left out",)


def test_a_server_without_a_system_role() -> None:
    with serving(fails(400, "System role not supported"), says("Rain fell. [1]")) as api:
        ask(api)
    (message,) = api.bodies[1]["messages"]
    assert message["role"] == "user"
    assert message["content"].startswith("You answer questions from evidence")
    assert RAIN in message["content"]


def test_a_refused_part_is_left_out_once() -> None:
    error, api = failing(fails(400, "Unsupported: 'seed'"), fails(400, "Unsupported: 'seed'"))
    assert len(api.bodies) == 2
    assert "seed" in str(error)


def test_too_long_is_no_unknown_part() -> None:
    error, api = failing(fails(400, "This model's maximum context length is 4096 tokens; max_tokens is too large"))
    assert len(api.bodies) == 1
    assert "4096" in str(error)


# --- batches ------------------------------------------------------------------------------------------


def test_a_batch_keeps_its_order_and_its_bound() -> None:
    def behave(exchange: Exchange) -> None:
        number = json.dumps(exchange.body).split("gauge ")[1].split(" ")[0]
        time.sleep(0.05 if int(number) % 2 else 0.0)
        says(f"The gauge {number} is full. [1]")(exchange)

    with serving(*[behave] * 10) as api:
        model = OpenAI("m", api.url, concurrency=3)
        chosen = [selection(f"The gauge {number} is full.") for number in range(10)]
        found = model.generate([query("Which?")] * 10, chosen, Settings())
    assert [one.text for one in found] == [f"The gauge {number} is full. [1]" for number in range(10)]
    assert 1 < api.most_at_once <= 3


def test_the_first_failure_ends_a_batch() -> None:
    with serving(fails(401), *[lambda exchange: exchange.wait(5)] * 3) as api:
        started = time.monotonic()
        with pytest.raises(GenerationError, match="401"):
            OpenAI("m", api.url).generate([query("q")] * 4, [selection(RAIN)] * 4, Settings())
        assert time.monotonic() - started < 3


def test_questions_and_selections_must_match() -> None:
    with serving() as api, pytest.raises(ValueError):
        OpenAI("m", api.url).generate([query("q")], [], Settings())


def test_it_works_inside_a_running_loop() -> None:
    async def inside(api: API) -> Answer:
        return ask(api)

    with serving(says("Rain fell. [1]")) as api:
        assert asyncio.run(inside(api)).text == "Rain fell. [1]"
