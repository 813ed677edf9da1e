"""What every captioner holds: n pictures in, n replies out, and a picture that fails costs no other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rag.generators import openai_retry
from rag.generators.captioners.openai import OpenAICaptioner
from rag.generators.captioners.vlm import VLMCaptioner

from rag.protocols import Captioner
from tests.generators.endpoint import Exchange, says, serving
from tests.golden.checkpoints import made, plain

GREEN, BLUE, DAMAGED = plain("green"), plain("blue"), b"\x89PNG no picture"


def looks(exchange: Exchange) -> None:
    says(f"A picture of {len(str(exchange.body))} letters.")(exchange)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("model") / "llava", "llava")


@pytest.fixture(params=["openai", "vlm"])
def captioner(request: pytest.FixtureRequest, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Captioner]:
    monkeypatch.setattr(openai_retry, "BASE", 0.01)
    if request.param == "vlm":
        yield VLMCaptioner(str(checkpoint), max_tokens=12)
        return
    with serving(*[looks] * 20) as api:
        yield OpenAICaptioner("m", api.url)


def test_one_reply_a_picture_in_order(captioner: Captioner) -> None:
    told = captioner.caption([GREEN, b"", BLUE], ["", "| month | rain |", "a caption"])
    assert len(told) == 3
    assert all(one.text and not one.error for one in told)
    assert all(one.usage.calls == 1 and one.usage.output_tokens > 0 for one in told)
    assert captioner.caption([GREEN], [""])[0].text == told[0].text


def test_a_damaged_picture_costs_no_other(captioner: Captioner) -> None:
    told = captioner.caption([DAMAGED, BLUE], ["", ""])
    assert (told[0].text, bool(told[0].error)) == ("", True)
    assert told[1].text


def test_nothing_asked_nothing_called(captioner: Captioner) -> None:
    assert captioner.caption([], []) == []
    assert captioner.estimate([], []).calls == 0
    assert captioner.together >= 1


def test_an_estimate_grows_with_what_is_asked(captioner: Captioner) -> None:
    one, two = captioner.estimate([GREEN], [""]), captioner.estimate([GREEN, BLUE], ["", "a long caption " * 99])
    assert two.input_tokens > one.input_tokens > 0
    assert (one.calls, two.calls, two.images) == (1, 2, 2)
    assert captioner.fingerprint == captioner.fingerprint != ""
