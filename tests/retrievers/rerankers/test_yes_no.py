"""P(yes) / (P(yes) + P(no)): from logits here, from a server's log probabilities there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from rag.retrievers.rerankers.models import filled
from rag.retrievers.rerankers.yes_no import TEMPLATES, YesNo, share, tokens, variants

from rag.answer import Hit, query
from rag.document import Media
from rag.errors import ConfigError, GenerationError
from rag.identity import digest
from rag.store.assets import FolderAssets
from tests.generators.build import hit
from tests.generators.endpoint import answers, asked_text, fails, serving
from tests.golden import scorers
from tests.golden.checkpoints import plain

QUESTION = query("How much rain fell in September?")
HIT = hit("In September 81 mm of rain fell.")


def reply(*pairs: tuple[str, float]) -> Any:
    listed = [{"token": token, "logprob": math.log(value) if value else -9999.0} for token, value in pairs]
    content = [{"token": "x", "logprob": -1.0, "top_logprobs": listed}]
    return answers({"choices": [{"message": {"content": "x"}, "logprobs": {"content": content}}]})


def test_it_is_the_softmax_over_the_variants_of_both_words() -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    scorer = YesNo(scorers.causal())
    ((score,),) = scorer.score([QUESTION], [[HIT]])
    tokenizer: Any = AutoTokenizer.from_pretrained(scorers.causal())
    model: Any = AutoModelForCausalLM.from_pretrained(scorers.causal(), dtype="float32")
    prompt = TEMPLATES["answers"][0].replace("{picture}", "").replace("{candidate}", HIT.chunk.text)
    prompt = prompt.replace("{query}", QUESTION.text).replace("Passage:", "\nPassage:", 1)
    with torch.inference_mode():
        read = tokenizer(prompt, return_tensors="pt", add_special_tokens=False)
        read.pop("token_type_ids", None)
        shares = torch.softmax(model(**read).logits[0, -1].double(), 0)
    yes, no = tokens(tokenizer, "Yes", "No")
    assert score == pytest.approx(float(shares[yes].sum() / (shares[yes].sum() + shares[no].sum())), abs=1e-5)
    assert 0 < score < 1


def test_adding_a_constant_to_all_logits_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = YesNo(scorers.causal(), template="match")
    model = scorer._opened[0]
    before = scorer.score([QUESTION], [[HIT]])
    real = model.logits
    monkeypatch.setattr(model, "logits", lambda prompt, image: real(prompt, image) + 30.0)
    assert scorer.score([QUESTION], [[HIT]])[0] == pytest.approx(before[0], abs=1e-5)


def test_tokens_that_could_begin_either_word_count_for_neither() -> None:
    class Letters:
        def encode(self, text: str, add_special_tokens: bool) -> list[int]:
            return [ord(letter) for letter in text]

    yes, no = tokens(Letters(), "Yes", "No")
    assert yes == sorted({ord("Y"), ord("y")})  # a space begins both
    assert no == sorted({ord("N"), ord("n")})
    assert " yes" in variants("Yes")
    with pytest.raises(ConfigError, match="cannot tell 'yes' from 'yet'"):
        tokens(Letters(), "yes", "yet")


def test_a_model_that_sees_is_shown_the_picture(tmp_path: Any) -> None:
    assets = FolderAssets(tmp_path)
    scorer = YesNo(scorers.seeing(), template="shows", assets=assets)
    pictured = []
    for colour in ("red", "blue"):
        data = plain(colour)
        assets.put(data, "image/png")
        media = Media("image/png", digest(data), len(data))
        pictured.append(hit("a photo", colour, modality="image", media=media))
    with_pictures = scorer.score([QUESTION], [pictured])[0]
    assert with_pictures[0] != pytest.approx(with_pictures[1], abs=1e-7)
    blind = YesNo(scorers.seeing(), template="shows", images=False, assets=assets).score([QUESTION], [pictured])[0]
    assert blind[0] == pytest.approx(blind[1])
    gone = replace(pictured[0], chunk=replace(pictured[0].chunk, media=Media("image/png", "0" * 64, 3)))
    assert scorer.score([QUESTION], [[gone]])[0][0] == pytest.approx(blind[0])


def test_no_document_can_write_the_prompt() -> None:
    scorer = YesNo("m", "http://127.0.0.1:1/v1")
    text = filled(scorer._text, "{candidate}", "{query} {picture}")
    assert text.count("{candidate}") == 1
    assert "Passage:\n{query} {picture}\n\nQuestion: {candidate}\n" in text


def test_a_server_gives_log_probabilities() -> None:
    with serving(reply(("Yes", 0.5), (" yes", 0.1), ("No", 0.2), ("Maybe", 0.2)), reply(("No", 0.9)),
                 reply(("YES", 0.9)), reply(("Well", 1.0))) as api:  # fmt: skip
        scorer = YesNo("judge", api.url, concurrency=1, key="secret-key")
        found = [hit(f"passage {at}", f"c{at}") for at in range(4)]
        (scores,) = scorer.score([QUESTION], [found])
        assert scores == pytest.approx([0.6 / 0.8, 0.0, 1.0, 0.0])
        assert api.bodies[0]["max_tokens"] == 1
        assert api.bodies[0]["logprobs"] is True
        assert "passage 0" in asked_text(api.bodies[0])
        assert api.headers[0]["authorization"] == "Bearer secret-key"


def test_a_server_that_is_busy_is_asked_again_and_one_without_logprobs_is_an_error() -> None:
    with serving(fails(503, headers={"Retry-After": "0"}), reply(("Yes", 1.0))) as api:
        assert YesNo("judge", api.url).score([QUESTION], [[HIT]]) == [[1.0]]
        assert len(api.bodies) == 2
    silent = answers({"choices": [{"message": {"content": "Yes"}}]})
    with serving(silent) as api, pytest.raises(GenerationError, match="log probabilities"):
        YesNo("judge", api.url).score([QUESTION], [[HIT]])
    with serving(fails(400)) as api, pytest.raises(GenerationError, match="400"):
        YesNo("judge", api.url).score([QUESTION], [[HIT]])


def test_nothing_to_score_calls_no_model() -> None:
    scorer = YesNo("judge", "http://127.0.0.1:1/v1")
    found: list[Hit] = []
    assert scorer.score([QUESTION, query("")], [found, [HIT]]) == [[], [0.0]]


def test_shares() -> None:
    assert share({"True": math.log(0.3), "false": math.log(0.1)}, "True", "False") == pytest.approx(0.75)
    assert share({}, "Yes", "No") == 0.0


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="model is not given"):
        YesNo("")
    with pytest.raises(ValueError, match="template is one of answers, match, shows, statement"):
        YesNo("m", template="Is it?")
    assert YesNo("m", "http://h:1/v1").fingerprint != YesNo("m", "http://h:1/v1", template="match").fingerprint
