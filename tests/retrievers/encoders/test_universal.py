"""One space for words and pictures under an instruction, over a tiny checkpoint."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rag.retrievers.encoders.universal import Universal

from rag.answer import Query, query
from rag.document import Media
from rag.errors import ConfigError
from rag.store.assets import FolderAssets
from tests.golden.catalogs import document
from tests.golden.checkpoints import kept_pictures, made, pictures

CHUNKS = pictures()
TEXTS = document("moons", ["Mars has two moons.", "The page is red. " * 9])


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("universal")
    return {kind: str(made(folder / kind, kind)) for kind in ("llava", "idefics3")}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> FolderAssets:
    return kept_pictures(tmp_path_factory.mktemp("assets"))


def media(number: int) -> Media:
    found = CHUNKS[number].media
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["llava", "idefics3"])
def test_alone_is_as_in_a_padded_batch(kind: str, models: dict[str, str], assets: FolderAssets) -> None:
    one, three = (Universal(models[kind], assets=assets, batch=size) for size in (1, 3))
    words = [Universal(models[kind], view="contextual", batch=size) for size in (1, 2)]
    asked = [query("red?"), Query(("a longer question",), instruction="Find pages"), Query((media(0), "x")), query("")]
    assert np.abs(one.encode_chunks(CHUNKS) - three.encode_chunks(CHUNKS)).max() <= 1e-5
    assert np.abs(one.encode_queries(asked) - three.encode_queries(asked)).max() <= 1e-5
    assert np.abs(words[0].encode_chunks(TEXTS) - words[1].encode_chunks(TEXTS)).max() <= 1e-5


def test_the_vector_is_the_mean_without_the_instruction(models: dict[str, str]) -> None:
    """By plain calls of transformers; the instruction is read, and not pooled."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(models["llava"])
    before = "Instruct: Find the page"
    read = tokenizer(before + "\nQuery: What is red?", return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(models["llava"])(**read).last_hidden_state[0].numpy()
    left_out = len(tokenizer(before)["input_ids"])
    assert 0 < left_out < len(states)
    mean = states[left_out:].mean(axis=0)
    vector = Universal(models["llava"]).encode_queries([Query(("What is red?",), instruction="Find the page")])[0]
    assert np.abs(vector - mean / np.linalg.norm(mean)).max() < 1e-5


def test_the_instruction_steers_and_may_be_empty(models: dict[str, str]) -> None:
    encoder = Universal(models["llava"], instruction="")
    bare, steered = encoder.encode_queries([query("red"), Query(("red",), instruction="Find a picture of it")])
    assert np.abs(bare - steered).max() > 1e-4
    assert encoder._asked(query("red"))[:2] == ("", "Query: red")


@pytest.mark.parametrize("kind", ["llava", "idefics3"])
def test_tokens_pooled_are_all_but_the_instructions(kind: str, models: dict[str, str], assets: FolderAssets) -> None:
    """With a picture in the question too, which stands for many tokens."""
    encoder = Universal(models[kind], assets=assets)
    before, after, shown = encoder._asked(Query((media(0), "red"), instruction="Find it"))
    ids = encoder._model.processor(text=[before + after], images=[shown], return_tensors="pt")["input_ids"][0].numpy()
    left_out = encoder._instruction_tokens(before, ids)
    assert encoder._model.tokenizer.decode(ids[:left_out]) == "Instruct: Find it"


def test_words_and_pictures_of_a_chunk_make_one_vector(models: dict[str, str], assets: FolderAssets) -> None:
    both, alone = (Universal(models["llava"], assets=assets, words=words) for words in (True, False))
    captioned = replace(CHUNKS[0], text="a red page")
    assert np.abs(both.encode_chunks([captioned]) - alone.encode_chunks([captioned])).max() > 1e-4
    assert np.abs(both.encode_chunks(CHUNKS) - alone.encode_chunks(CHUNKS)).max() < 1e-6


def test_what_it_says_of_itself(models: dict[str, str]) -> None:
    pixels, words = Universal(models["llava"]), Universal(models["llava"], view="contextual")
    assert (pixels.view, pixels.modalities) == ("pixels", {"image", "video"})
    assert "text" in words.modalities
    prints = {one.fingerprint for one in (pixels, words, Universal(models["llava"], instruction="Find"))}
    assert len(prints) == 3
    assert words.encode_chunks([]).shape == (0, words.dim)
    with pytest.raises(ValueError, match="view"):
        Universal("x", view="summary")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="never does"):
        Universal("nvidia/MM-Embed")
