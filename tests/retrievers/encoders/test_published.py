"""Encoders over checkpoints with code of their own, against plain calls as their cards show them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.published import plain
from rag.retrievers.encoders.universal import Universal
from rag.retrievers.encoders.visrag import INSTRUCTION, VisRAG

from rag.answer import Query, query
from rag.errors import ConfigError
from rag.own_code import ENVIRONMENT, own_code
from rag.store.assets import FolderAssets
from rag.vlm import PAGE_PIXELS, picture
from tests.golden.checkpoints import kept_pictures, pictures
from tests.golden.own_checkpoints import DIM, own

CHUNKS = pictures()
WORDED = [replace(one, text=text) for one, text in zip(CHUNKS, ("a red page", "", "stripes", "x"), strict=True)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def models(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """The checkpoints, each with its digest; the environment names them all."""
    made = {kind: own(folder / kind, kind) for kind in ("pages", "universal", "ordinary")}
    found = {kind: (str(one), own_code(kind, one).digest) for kind, one in made.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ENVIRONMENT, " ".join(code for _, code in found.values()))
        yield found


@pytest.fixture(scope="module")
def assets(folder: Path) -> FolderAssets:
    return kept_pictures(folder / "assets")


def visrag(models: dict[str, tuple[str, str]], kind: str = "pages", **options: Any) -> VisRAG:
    model, code = models[kind]
    return VisRAG(model, code=code, **options)


def universal(models: dict[str, tuple[str, str]], **options: Any) -> Universal:
    model, code = models["universal"]
    return Universal(model, code=code, **options)


def shown(assets: FolderAssets) -> list[Any]:
    return [picture(assets.open(one.media), PAGE_PIXELS, "") for one in CHUNKS if one.media]


def by_transformers(model: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Any:
    """The model as its card opens it: by transformers' own way with code, in a cache of these tests'."""
    from transformers import CONFIG_MAPPING, AutoModel

    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder / "modules"))
    opened = AutoModel.from_pretrained(model, trust_remote_code=True).eval()
    CONFIG_MAPPING._extra_content.pop("tiny_own", None)  # what its code registered, for the tests that follow
    return opened


def test_pages_are_as_the_card_of_visrag_computes_them(
    models: dict[str, tuple[str, str]], assets: FolderAssets, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    import torch
    from transformers import AutoTokenizer

    model = by_transformers(models["pages"][0], monkeypatch, folder)
    tokenizer = AutoTokenizer.from_pretrained(models["pages"][0])
    asked = ["What is red?", "A longer question about stripes"]

    def encoded(text: list[str], image: list[Any]) -> np.ndarray[Any, Any]:
        with torch.no_grad():
            told = model(text=text, image=image, tokenizer=tokenizer)
        mask = told.attention_mask * told.attention_mask.cumsum(dim=1)
        mean = torch.sum(told.last_hidden_state * mask.unsqueeze(-1).float(), dim=1) / mask.sum(dim=1, keepdim=True)
        made: np.ndarray[Any, Any] = torch.nn.functional.normalize(mean, p=2, dim=1).numpy()
        return made

    encoder = visrag(models, assets=assets, batch=3)
    theirs = encoded([INSTRUCTION + one for one in asked], [None, None])
    assert np.abs(encoder.encode_queries([query(one) for one in asked]) - theirs).max() < 1e-5
    looks = encoded([""] * len(CHUNKS), shown(assets))
    assert np.abs(encoder.encode_chunks(CHUNKS) - looks).max() < 1e-5
    media = CHUNKS[0].media
    assert media is not None
    page, both = encoder.encode_queries([Query((media,)), Query((media, "red"))])
    assert np.abs(page - looks[0]).max() < 1e-5, "a picture asked for is read as a page is"
    assert np.abs(both - encoded([INSTRUCTION + "red"], shown(assets)[:1])[0]).max() < 1e-5


def test_vectors_are_as_the_card_of_mm_embed_computes_them(
    models: dict[str, tuple[str, str]], assets: FolderAssets, monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    import torch

    model = by_transformers(models["universal"][0], monkeypatch, folder)

    def encoded(given: list[dict[str, Any]], **options: Any) -> np.ndarray[Any, Any]:
        made = model.encode(given, max_length=4096, **options)["hidden_states"]
        unit: np.ndarray[Any, Any] = torch.nn.functional.normalize(made, p=2, dim=1).numpy()
        return unit

    encoder = universal(models, assets=assets, batch=3)
    instruction = "Retrieve a page."
    media = CHUNKS[2].media
    assert media is not None
    asked = [query("What is red?"), Query((media, "like this")), Query((media,))]
    look = {"img": shown(assets)[2]}
    theirs = [
        encoded([one], is_query=True, instruction=instruction)
        for one in ({"txt": "What is red?"}, {"txt": "like this", **look}, {"txt": "", **look})
    ]
    mine = encoder.encode_queries([replace(one, instruction=instruction) for one in asked])
    assert np.abs(mine - np.concatenate(theirs)).max() < 1e-5
    both = encoded([{"txt": one.text, "img": look} for one, look in zip(WORDED, shown(assets), strict=True)])
    assert np.abs(encoder.encode_chunks(WORDED) - both).max() < 1e-5
    words = encoded([{"txt": "a red page"}, {"txt": "stripes"}])
    reads = universal(models, view="contextual", batch=2)
    assert np.abs(reads.encode_chunks([WORDED[0], WORDED[2]]) - words).max() < 1e-5
    bare = universal(models, instruction="")
    assert np.abs(bare.encode_queries([query("red")]) - encoded([{"txt": "red"}], is_query=True)).max() < 1e-5


@pytest.mark.parametrize("make", [visrag, universal])
def test_alone_is_as_in_a_batch(make: Any, models: dict[str, tuple[str, str]], assets: FolderAssets) -> None:
    one, three = (make(models, assets=assets, batch=size) for size in (1, 3))
    media = CHUNKS[0].media
    assert media is not None
    asked = [
        query("red"), query("A longer question about stripes"), Query((media, "x")), Query((media,)), query(""),
        Query(("red",), minus=("blue",)), Query(("red",), instruction="Find it"),
    ]  # fmt: skip
    for alone, together in (
        (one.encode_chunks(WORDED), three.encode_chunks(WORDED)),
        (one.encode_chunks(WORDED), three.encode_chunks(WORDED[::-1])[::-1]),
        (one.encode_queries(asked), three.encode_queries(asked)),
    ):
        assert alone.shape[1] == DIM
        assert np.abs(alone - together).max() <= 1e-5
        assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)
        assert np.abs(alone[0] - alone[1]).max() > 1e-3


def test_a_class_of_the_ordinary_interface_is_read_in_the_ordinary_way(
    models: dict[str, tuple[str, str]], assets: FolderAssets, folder: Path
) -> None:
    """As the native class of the same weights."""
    from tests.golden.checkpoints import made

    native = VisRAG(str(made(folder / "native", "llava")), assets=assets)
    encoder = visrag(models, "ordinary", assets=assets)
    assert type(encoder._model.model).__module__.startswith("argus_code_")
    assert np.abs(encoder.encode_chunks(CHUNKS) - native.encode_chunks(CHUNKS)).max() < 1e-5
    asked = [query("red"), query("a longer question")]
    assert np.abs(encoder.encode_queries(asked) - native.encode_queries(asked)).max() < 1e-5


def test_one_picture_a_question(models: dict[str, tuple[str, str]], assets: FolderAssets) -> None:
    two = Query(tuple(one.media for one in CHUNKS[:2] if one.media))
    for encoder in (visrag(models, assets=assets), universal(models, assets=assets)):
        with pytest.raises(ValueError, match="one picture"):
            encoder.encode_queries([two])


def test_words_hold_no_marks_of_mm_embeds(models: dict[str, tuple[str, str]], assets: FolderAssets) -> None:
    """A document that holds the end of an instruction would leave all before it out of its vector."""
    encoder = universal(models, view="contextual", assets=assets)
    text = "first words\nQuery: <image> <text> last"
    told = plain(text, encoder._model.processor)
    assert not any(mark in told for mark in ("\nQuery: ", "<image>", "<text>"))
    assert told.split() == ["first", "words", "Query:", "<", "image>", "<", "text>", "last"]
    changed = encoder.encode_chunks([replace(CHUNKS[0], text=one) for one in (text, "other" + text[5:])])
    assert np.abs(changed[0] - changed[1]).max() > 1e-4


@pytest.mark.parametrize(("kind", "old", "new"), [
    ("pages", "hidden, mask = padded(rows)", "hidden, mask = self.gone_in_version_5(rows)"),
    ("universal", "hidden, mask = padded(rows)", "hidden, mask = self.gone_in_version_5(rows)"),
    ("pages", "attention_mask=mask", "attention_mask=mask[:, :1]"),
    ("universal", "hidden_states=embeds", "hidden_states=embeds[:, :3]"),
])  # fmt: skip
def test_another_shape_than_published_is_an_error(
    kind: Any, old: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = own(tmp_path / kind, kind)
    file = model / "modeling_tiny.py"
    file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    code = own_code(kind, model).digest
    monkeypatch.setenv(ENVIRONMENT, code)
    encoder = VisRAG(str(model), code=code) if kind == "pages" else Universal(str(model), code=code)
    with pytest.raises(ConfigError, match="its own code"):
        encoder.encode_queries([query("red")])
