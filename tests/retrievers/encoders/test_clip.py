"""Two towers over tiny checkpoints: equality with transformers, long words, pictures and words in one question."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.encoders.clip import CLIP
from rag.retrievers.encoders.composed import composed
from rag.retrievers.encoders.windows import averaged, windows

from rag.answer import Query, query
from rag.document import Media
from rag.errors import ConfigError
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import kept_pictures, made, pictures
from tests.golden.tower_checkpoints import DIM, LIMIT, TOWERS, Towers, towers

CHUNKS = pictures()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("towers")


@pytest.fixture(scope="module")
def checkpoints(folder: Path) -> dict[Towers, str]:
    return {kind: str(towers(folder / kind, kind)) for kind in TOWERS}


@pytest.fixture(scope="module")
def assets(folder: Path) -> FolderAssets:
    return kept_pictures(folder / "assets")


def media(number: int) -> Media:
    found = CHUNKS[number].media
    assert found is not None
    return found


@pytest.mark.parametrize("kind", TOWERS)
def test_alone_is_as_in_a_batch(kind: Towers, checkpoints: dict[Towers, str], assets: FolderAssets) -> None:
    one, three = (CLIP(checkpoints[kind], assets=assets, batch=size) for size in (1, 3))
    asked = [query("red"), query("a much longer question " * 6), Query(("a", media(0)), minus=("blue",)), query("")]
    for alone, together in (
        (one.encode_chunks(CHUNKS), three.encode_chunks(CHUNKS)),
        (one.encode_chunks(CHUNKS), three.encode_chunks(CHUNKS[::-1])[::-1]),
        (one.encode_queries(asked), three.encode_queries(asked)),
    ):
        assert alone.dtype == np.float32
        assert alone.shape == (4, DIM)
        assert np.abs(alone - together).max() <= 1e-5
        assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", TOWERS)
def test_vectors_are_the_features_of_transformers(
    kind: Towers, checkpoints: dict[Towers, str], assets: FolderAssets
) -> None:
    import torch
    from PIL import Image
    from transformers import AutoModel, AutoProcessor

    processor: Any = AutoProcessor.from_pretrained(checkpoints[kind])
    model = AutoModel.from_pretrained(checkpoints[kind]).eval()
    shown = [Image.open(io.BytesIO(assets.open(media(number)))).convert("RGB") for number in (0, 2, 3)]
    words = processor.tokenizer(["red", "a page"], padding="max_length", max_length=LIMIT, return_tensors="pt")
    if kind != "clip":
        words.pop("attention_mask")
    with torch.no_grad():
        text = model.get_text_features(**words).pooler_output.numpy()
        looks = model.get_image_features(**processor.image_processor(shown, return_tensors="pt")).pooler_output.numpy()
    encoder = CLIP(checkpoints[kind], assets=assets)
    for ours, theirs in (
        (encoder.encode_queries([query("red"), query("a page")]), text),
        (encoder.encode_chunks([CHUNKS[number] for number in (0, 2, 3)]), looks),
    ):
        assert np.abs(ours - theirs / np.linalg.norm(theirs, axis=1, keepdims=True)).max() < 1e-5


@pytest.mark.parametrize("kind", TOWERS)
def test_the_end_of_long_words_counts(kind: Towers, checkpoints: dict[Towers, str]) -> None:
    encoder = CLIP(checkpoints[kind])
    start = "one two three four five six seven eight nine ten " * 3
    first, second = encoder.encode_queries([query(start + "green"), query(start + "yellow")])
    assert np.abs(first - second).max() > 1e-3


@pytest.mark.parametrize("kind", TOWERS)
def test_capitals_do_not_matter(kind: Towers, checkpoints: dict[Towers, str]) -> None:
    """All three were trained on small letters, and SigLIP 2 may come with a tokenizer that keeps capitals."""
    encoder = CLIP(checkpoints[kind], template="a photo of {}")
    small, large = encoder.encode_queries([query("red blue"), query("RED Blue")])
    assert np.array_equal(small, large)


def test_a_long_text_is_the_mean_of_its_windows(checkpoints: dict[Towers, str]) -> None:
    encoder = CLIP(checkpoints["clip"])
    tokenizer = encoder._model.tokenizer
    text = " ".join(["red blue green yellow"] * 4)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    parts = windows(ids, LIMIT - 2)
    assert len(parts) > 1
    each = np.stack([encoder._read([part])[0] for part in parts])
    mean = np.average(each, axis=0, weights=[len(part) for part in parts])
    assert np.abs(encoder.encode_queries([query(text)])[0] - mean / np.linalg.norm(mean)).max() < 1e-5


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 20))
def test_windows_hold_all_in_order_and_are_even(ids: list[int], limit: int) -> None:
    parts = windows(ids, limit)
    assert [one for part in parts for one in part] == ids
    assert len(parts) == max(1, -(-len(ids) // limit))
    sizes = [len(part) for part in parts]
    assert max(sizes) <= limit
    assert max(sizes) - min(sizes) <= 1


def test_one_window_is_left_as_it_is() -> None:
    vector = np.array([[0.6, 0.8]], np.float32)
    assert averaged(vector, [3]) is not None
    assert np.array_equal(averaged(vector, [3]), vector[0])
    assert np.allclose(averaged(np.eye(2, dtype=np.float32), [3, 1]), np.array([3, 1]) / np.sqrt(10))


# --- composed ------------------------------------------------------------------------------------------


def test_attributes_are_added_and_taken_away() -> None:
    """ALIGN's algebra on a made-up space of attributes: a red car, minus red, plus blue, is the blue car."""
    car, red, blue, dog = np.eye(4, dtype=np.float32)

    def unit(vector: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return vector / np.linalg.norm(vector)

    pool = {"red car": unit(car + red), "blue car": unit(car + blue), "red dog": unit(dog + red), "car": car}
    asked = composed([pool["red car"], blue], [red])
    assert max(pool, key=lambda name: float(pool[name] @ asked)) == "blue car"
    assert np.linalg.norm(asked) == pytest.approx(1)


def test_what_cancels_out_leaves_what_was_wanted() -> None:
    first = np.eye(3, dtype=np.float32)[0]
    assert np.allclose(composed([first], [first]), first)
    with pytest.raises(ValueError, match="minus words alone"):
        composed([], [first])


def test_a_question_is_the_sum_of_its_parts(checkpoints: dict[Towers, str], assets: FolderAssets) -> None:
    encoder = CLIP(checkpoints["clip"], assets=assets)
    look = encoder.encode_chunks(CHUNKS[:1])[0]
    plus, minus = encoder.encode_queries([query("blue"), query("red")])
    alone, both, three = encoder.encode_queries(
        [Query((media(0),)), Query((media(0), "blue")), Query((media(0), "blue"), minus=("red",))]
    )
    assert np.abs(alone - look).max() < 1e-5
    assert np.abs(both - composed([look, plus])).max() < 1e-5
    assert np.abs(three - composed([look, plus], [minus])).max() < 1e-5


# --- names and errors -------------------------------------------------------------------------------------


def test_nothing_to_encode_loads_nothing(checkpoints: dict[Towers, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.retrievers.encoders.backbone.opened", lambda *_: pytest.fail("loaded"))
    for kind in TOWERS:
        encoder = CLIP(checkpoints[kind])
        assert encoder.encode_chunks([]).shape == (0, encoder.dim) == (0, DIM)
        assert encoder.encode_queries([]).shape == (0, DIM)


def test_the_fingerprint_follows_the_options_and_not_the_machine(checkpoints: dict[Towers, str]) -> None:
    model = checkpoints["clip"]
    made_by = [
        CLIP(model), CLIP(checkpoints["siglip"]), CLIP(model, template="a photo of {}"), CLIP(model, dpi=100),
        CLIP(model, max_pixels=4096), CLIP(model, dtype="float16"),
    ]  # fmt: skip
    assert len({one.fingerprint for one in made_by}) == len(made_by)
    assert CLIP(model, batch=2, device="cpu").fingerprint == made_by[0].fingerprint


def test_a_model_without_two_towers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two towers"):
        _ = CLIP(str(made(tmp_path / "llava"))).fingerprint


def test_a_template_needs_its_hole() -> None:
    with pytest.raises(ValueError, match="template"):
        CLIP("x", template="a photo")
