"""Late interaction over tiny checkpoints of each family: shapes, batches, scores, pooling, heat maps."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.encoders.colvision import ColVision
from rag.retrievers.encoders.token_pooling import clusters, token_pooled

from rag.answer import Query, query
from rag.document import Media
from rag.drawing import heated
from rag.errors import ConfigError
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import kept_pictures, made, pictures, plain
from tests.golden.late_checkpoints import DIM, LATE, Late, late

CHUNKS = pictures()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("late")


@pytest.fixture(scope="module")
def checkpoints(folder: Path) -> dict[Late, str]:
    return {kind: str(late(folder / kind, kind)) for kind in LATE}


@pytest.fixture(scope="module")
def assets(folder: Path) -> FolderAssets:
    return kept_pictures(folder / "assets")


def maxsim(query: np.ndarray[Any, Any], page: np.ndarray[Any, Any]) -> float:
    """As ColBERT's equation stands."""
    return sum(max(float(word @ patch) for patch in page) for word in query)


@pytest.mark.parametrize("kind", LATE)
def test_alone_is_as_in_a_padded_batch(kind: Late, checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    one, three = (ColVision(checkpoints[kind], assets=assets, batch=size) for size in (1, 3))
    asked = [query("What is red?"), query("A longer question about the page"), Query(("a", media(0)))]
    for alone, together in (
        (one.encode_chunks(CHUNKS), three.encode_chunks(CHUNKS)),
        (one.encode_chunks(CHUNKS), three.encode_chunks(CHUNKS[::-1])[::-1]),
        (one.encode_queries(asked), three.encode_queries(asked)),
    ):
        assert [len(vectors) for vectors in alone] == [len(vectors) for vectors in together]
        assert max(np.abs(a - b).max() for a, b in zip(alone, together, strict=True)) <= 1e-5
        assert all(vectors.dtype == np.float32 and vectors.shape[1] == DIM for vectors in alone)
        assert all(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5) for vectors in alone)


@pytest.mark.parametrize("kind", LATE)
def test_scores_are_those_of_the_processor(kind: Late, checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    """Vectors computed again by plain calls of transformers, on padded batches, scored by `score_retrieval`."""
    import torch
    from PIL import Image
    from transformers import AutoModelForPreTraining, AutoProcessor

    processor: Any = AutoProcessor.from_pretrained(checkpoints[kind])
    model = AutoModelForPreTraining.from_pretrained(checkpoints[kind]).eval()
    texts = ["What is red?", "A longer question about the page"]
    shown = [Image.open(io.BytesIO(assets.open(chunk.media))).convert("RGB") for chunk in CHUNKS if chunk.media]
    shown[1] = padded(shown[1])
    with torch.no_grad():
        asked = model(**processor.process_queries(text=texts)).embeddings
        pages = []
        for one in shown:
            fed = processor.process_images(images=[one])
            fed.pop("labels", None)
            pages.append(model(**fed).embeddings[0])
    # One page at a time: where pages are padded to one length, zeros stand for the worst match, and win.
    scores = np.hstack([processor.score_retrieval([*asked], [page]).numpy() for page in pages])
    encoder = ColVision(checkpoints[kind], assets=assets, batch=2)
    ours = encoder.encode_chunks(CHUNKS)
    told = [[maxsim(words, page) for page in ours] for words in encoder.encode_queries([query(t) for t in texts])]
    assert np.abs(np.array(told) - scores).max() < 1e-4
    assert np.ptp(scores) > 0.1, "pages differ"


def padded(image: Any) -> Any:
    """A picture thinner than 32 pixels as `rag.vlm.picture` gives it."""
    from PIL import Image as pillow

    framed = pillow.new("RGB", (max(32, image.width), max(32, image.height)), "white")
    framed.paste(image, ((framed.width - image.width) // 2, (framed.height - image.height) // 2))
    return framed


def test_questions_are_augmented_as_the_processor_does(checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    encoder = ColVision(checkpoints["colqwen2"], assets=assets)
    tokenizer = encoder._model.tokenizer
    whole = tokenizer("Query: red" + tokenizer.pad_token * 10 + "\n")["input_ids"]
    assert len(encoder.encode_queries([query("red")])[0]) == len(whole)


def media(number: int) -> Media:
    found = CHUNKS[number].media
    assert found is not None
    return found


def test_a_picture_asked_for_is_read_as_a_page_and_joins_the_words(
    checkpoints: dict[Late, str], assets: FolderAssets
) -> None:
    encoder = ColVision(checkpoints["colpali"], assets=assets)
    alone, words, both = encoder.encode_queries([Query((media(0),)), query("red"), Query(("red", media(0)))])
    page = encoder.encode_chunks(CHUNKS[:1])[0]
    assert np.abs(alone - page).max() < 1e-5
    assert maxsim(both, page) == pytest.approx(maxsim(alone, page) + maxsim(words, page), abs=1e-3)


def test_minus_words_are_refused(checkpoints: dict[Late, str]) -> None:
    with pytest.raises(ValueError, match="less like"):
        ColVision(checkpoints["colpali"]).encode_queries([Query(("red",), minus=("blue",))])


# --- where the patches lie ----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LATE)
def test_each_patch_has_a_vector_of_the_picture(kind: Late, checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    for page in ColVision(checkpoints[kind], assets=assets).patches(CHUNKS):
        cells = page.grid.ravel()
        assert len(set(cells.tolist())) == len(cells)
        assert page.of_picture[cells].all()
        if kind != "colmodernvbert":  # which also has a view of the whole
            assert len(cells) == page.of_picture.sum()


@pytest.mark.parametrize("kind", LATE)
def test_a_patch_answers_to_its_own_place(kind: Late, tmp_path: Path, assets: FolderAssets) -> None:
    """Blacken a corner of a picture: the vector that moves most is that corner's."""
    encoder = ColVision(str(late(tmp_path, kind, scale=1.0, local=True)), assets=assets)
    before = placed(encoder, noise(), assets)
    rows, columns = before.shape[:2]
    for down, across in ((0, 0), (0, 1), (1, 0), (1, 1)):
        moved = np.abs(placed(encoder, blackened(noise(), down, across), assets) - before).sum(axis=-1)
        assert np.unravel_index(moved.argmax(), moved.shape) == (down * (rows - 1), across * (columns - 1))


def placed(encoder: ColVision, data: bytes, assets: FolderAssets) -> np.ndarray[Any, Any]:
    """(rows, columns, dim)"""
    page = encoder.patches([replace(CHUNKS[0], media=assets.put(data, "image/png"))])[0]
    return page.vectors[page.grid]


def noise() -> bytes:
    from PIL import Image

    random = np.random.default_rng(0)
    return png(Image.fromarray(random.integers(90, 160, (64, 64, 3), np.uint8)))


def blackened(data: bytes, down: int, across: int) -> bytes:
    from PIL import Image

    image = Image.open(io.BytesIO(data))
    image.paste((0, 0, 0), (48 * across, 48 * down, 48 * across + 16, 48 * down + 16))
    return png(image)


def png(image: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_similarity_is_the_product_with_each_patch(checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    encoder = ColVision(checkpoints["colqwen2"], assets=assets)
    found = encoder.similarity(query("red"), CHUNKS[2])
    page, words = encoder.patches([CHUNKS[2]])[0], encoder.encode_queries([query("red")])[0]
    assert found.shape == (len(words), 2, 7)
    assert found[3, 1, 6] == pytest.approx(float(words[3] @ page.vectors[page.grid[1, 6]]), abs=1e-6)


def test_a_hit_is_drawn_as_the_model_saw_it(checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    """A figure's patches lie over the figure, not over the page that it stands on."""
    from PIL import Image

    encoder = ColVision(checkpoints["colqwen2"], assets=assets)
    figure = CHUNKS[2]
    assert figure.media is not None
    own = assets.open(figure.media)
    drawn = encoder.heat(query("red"), figure)
    assert drawn == heated(own, encoder.similarity(query("red"), figure).mean(axis=0))
    assert Image.open(io.BytesIO(drawn)).size == Image.open(io.BytesIO(own)).size


def test_a_heat_map_is_hottest_where_the_number_is_largest() -> None:
    from PIL import Image

    heat = np.zeros((4, 6))
    heat[3, 1] = 5.0
    shown = np.asarray(Image.open(io.BytesIO(heated(plain((128, 128, 128), 120, 80), heat))).convert("RGB"), int)
    assert shown.shape == (80, 120, 3)
    redness = shown[:, :, 0] - shown[:, :, 2]
    row, column = np.unravel_index(redness.argmax(), redness.shape)
    assert (row // 20, column // 20) == (3, 1)
    assert (shown[:30, 70:] == 128).all(), "cold places show the picture"
    with pytest.raises(ValueError, match="finite"):
        heated(plain("red"), np.array([[np.nan]]))


# --- fewer vectors ---------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(2, 40), st.integers(1, 8), st.integers(0, 2**31))
def test_clusters_are_those_of_scipy(n: int, factor: int, seed: int) -> None:
    from scipy.cluster.hierarchy import fcluster, linkage

    points = np.random.default_rng(seed).standard_normal((n, 6)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    count = max(n // factor, 1)
    ours = clusters(points, count)
    theirs = fcluster(linkage(points.astype(np.float64), method="ward"), t=count, criterion="maxclust")
    assert len({*ours.tolist()}) == count
    assert len({*zip(ours.tolist(), theirs.tolist(), strict=True)}) == count, "the same partition"


def test_pooled_vectors_are_means_of_what_looks_alike() -> None:
    first, second = np.eye(4, dtype=np.float32)[0], np.eye(4, dtype=np.float32)[1]
    near = (first + 0.01 * second) / np.linalg.norm(first + 0.01 * second)
    pooled = token_pooled(np.stack([first, second, near, second]), 2)
    assert pooled.shape == (2, 4)
    assert pooled[0] @ first > 0.9999
    assert np.allclose(pooled[1], second)
    assert token_pooled(pooled, 1) is pooled


def test_equal_vectors_can_be_pooled() -> None:
    same = np.tile(np.eye(4, dtype=np.float32)[0], (9, 1))
    assert np.allclose(token_pooled(same, 3), same[:3])


def test_pooling_keeps_the_prompt_and_a_share_of_the_picture(
    checkpoints: dict[Late, str], assets: FolderAssets
) -> None:
    whole, third = (ColVision(checkpoints["colqwen2"], assets=assets, pool_factor=factor) for factor in (1, 3))
    page, fewer = whole.patches(CHUNKS[2:3])[0], third.encode_chunks(CHUNKS[2:3])[0]
    of_prompt = int((~page.of_picture).sum())
    assert len(fewer) == 14 // 3 + of_prompt
    assert np.array_equal(fewer[-of_prompt:], page.vectors[~page.of_picture])
    assert np.allclose(np.linalg.norm(fewer, axis=1), 1, atol=1e-5)
    assert np.array_equal(third.encode_queries([query("a b")])[0], whole.encode_queries([query("a b")])[0])


# --- names and errors ----------------------------------------------------------------------------------------


def test_nothing_to_encode_loads_nothing(checkpoints: dict[Late, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.retrievers.encoders.backbone.opened", lambda *_: pytest.fail("loaded"))
    encoder = ColVision(checkpoints["colpali"])
    assert encoder.dim == DIM
    assert encoder.encode_chunks([]) == []
    assert encoder.encode_queries([]) == []


def test_the_fingerprint_follows_the_options_and_not_the_machine(checkpoints: dict[Late, str]) -> None:
    model = checkpoints["colpali"]
    made_by = [
        ColVision(model), ColVision(checkpoints["colqwen2"]), ColVision(model, pool_factor=2),
        ColVision(model, max_pixels=4096), ColVision(model, dpi=100), ColVision(model, dtype="bfloat16"),
    ]  # fmt: skip
    assert len({one.fingerprint for one in made_by}) == len(made_by)
    assert ColVision(model, batch=4, device="cpu").fingerprint == made_by[0].fingerprint


def test_another_kind_of_model_is_refused_by_its_settings(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no late-interaction model"):
        _ = ColVision(str(made(tmp_path / "llava"))).fingerprint


@pytest.mark.parametrize("options", [{"pool_factor": 0}, {"dtype": "int8"}, {"dpi": 1}, {"batch": 0}])
def test_impossible_options(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        ColVision("x", **options)


def test_short_numbers_are_near(checkpoints: dict[Late, str], assets: FolderAssets) -> None:
    """bfloat16 runs, and what it gives is float32 again and points the same way."""
    whole, short = (ColVision(checkpoints["colqwen2"], assets=assets, dtype=one) for one in ("float32", "bfloat16"))
    a, b = whole.encode_chunks(CHUNKS)[0], short.encode_chunks(CHUNKS)[0]
    assert b.dtype == np.float32
    assert float((a * b).sum(axis=1).mean()) > 0.9
