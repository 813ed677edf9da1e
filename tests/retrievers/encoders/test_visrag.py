"""Pages found by their pixels: pooling against the paper's equation, and the whole way through a corpus."""

from __future__ import annotations

import builtins
import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.retrievers.encoders.pooling import WEIGHTS, pooled, position_weights
from rag.retrievers.encoders.visrag import INSTRUCTION, VisRAG

import rag
from rag.answer import Query, query
from rag.document import WHOLE, Chunk, Media, Origin, PageRegion, Source
from rag.errors import ConfigError, MissingExtra, SourceError
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import made, page_document, plain, striped

SIZES = [("red", 120, 160), ("blue", 300, 100), ("green", 40, 40), ("yellow", 200, 90)]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    return {"llava": made(folder / "llava", "llava"), "idefics3": made(folder / "idefics3", "idefics3")}


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> FolderAssets:
    return FolderAssets(tmp_path_factory.mktemp("assets"))


def photo(assets: FolderAssets, data: bytes) -> Chunk:
    media = assets.put(data, "image/png")
    return Chunk("x", "image", Origin(Source("a.png", "image/png", "a" * 64), (PageRegion(1, WHOLE),)), media=media)


# --- pooling ----------------------------------------------------------------------------------------


def by_the_equation(states: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Equation 1 as it stands, for one unpadded text: v = sum_i (i / sum_j j) h_i, then to length 1."""
    total = sum(range(1, len(states) + 1))
    vector = np.zeros(states.shape[1])
    for i, state in enumerate(states, 1):
        vector += i / total * state
    return vector / np.linalg.norm(vector)


@given(st.integers(1, 9), st.integers(0, 4), st.integers(0, 4), st.integers(0, 2**31))
def test_pooling_is_equation_1_wherever_the_padding_stands(tokens: int, left: int, right: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    states = random.standard_normal((1, left + tokens + right, 5)).astype(np.float32)
    mask = np.array([[0] * left + [1] * tokens + [0] * right])
    states[0, mask[0] == 0] = np.nan
    assert np.abs(pooled(states, mask, "wmean")[0] - by_the_equation(states[0, left : left + tokens])).max() < 1e-6


def test_weights_are_shares_that_grow_with_the_position() -> None:
    weights = position_weights(np.array([[1, 1, 1, 1], [0, 0, 1, 1], [1, 0, 0, 0]]))
    assert np.allclose(weights, [[0.1, 0.2, 0.3, 0.4], [0, 0, 1 / 3, 2 / 3], [1, 0, 0, 0]])
    assert weights[0, 3] / weights[0, 0] == pytest.approx(4)


def test_the_other_poolings() -> None:
    mask = np.array([[0, 1, 1, 1, 0]])
    assert np.allclose(WEIGHTS["mean"](mask), [[0, 1 / 3, 1 / 3, 1 / 3, 0]])
    assert np.allclose(WEIGHTS["last"](mask), [[0, 0, 0, 1, 0]])
    assert np.allclose(WEIGHTS["cls"](mask), [[0, 1, 0, 0, 0]])


def test_a_row_without_a_token_has_no_vector() -> None:
    with pytest.raises(ValueError, match="without a token"):
        position_weights(np.array([[0, 0]]))


# --- the encoder -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["llava", "idefics3"])
def test_alone_is_as_in_a_padded_batch(kind: str, checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    chunks = [photo(assets, plain(*one)) for one in SIZES]
    asked = [query("What is red?"), query("A longer question about the picture"), Query((chunks[1].media or "",))]
    one, three = (VisRAG(str(checkpoints[kind]), assets=assets, batch=size) for size in (1, 3))
    assert np.abs(three.encode_chunks(chunks) - one.encode_chunks(chunks)).max() <= 1e-5
    assert np.abs(three.encode_chunks(chunks[::-1])[::-1] - one.encode_chunks(chunks)).max() <= 1e-5
    assert np.abs(three.encode_queries(asked) - one.encode_queries(asked)).max() <= 1e-5


@pytest.mark.parametrize("kind", ["llava", "idefics3"])
def test_different_pictures_have_different_vectors(
    kind: str, checkpoints: dict[str, Path], assets: FolderAssets
) -> None:
    encoder = VisRAG(str(checkpoints[kind]), assets=assets)
    vectors = encoder.encode_chunks([photo(assets, plain(*one)) for one in SIZES])
    cosines = vectors @ vectors.T
    assert np.allclose(np.diag(cosines), 1, atol=1e-5)
    assert cosines[~np.eye(len(SIZES), dtype=bool)].max() < 0.95


def test_a_vector_is_the_pooled_last_hidden_state(checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    """Computed again by plain calls of transformers."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = checkpoints["llava"]
    text = INSTRUCTION + "What colour is the picture?"
    read = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder)(**read).last_hidden_state[0].numpy()
    vector = VisRAG(str(folder), assets=assets).encode_queries([query("What colour is the picture?")])[0]
    assert np.abs(vector - by_the_equation(states)).max() < 1e-5


def test_a_picture_asked_for_is_read_as_a_page_is(checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    encoder = VisRAG(str(checkpoints["llava"]), assets=assets)
    chunk = photo(assets, plain("red"))
    assert isinstance(chunk.media, Media)
    alone, with_words = encoder.encode_queries([Query((chunk.media,)), Query(("what is", chunk.media))])
    assert np.abs(alone - encoder.encode_chunks([chunk])[0]).max() < 1e-5
    assert np.abs(alone - with_words).max() > 1e-3


def test_words_of_a_question_are_no_control_tokens(checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    encoder = VisRAG(str(checkpoints["llava"]), assets=assets)
    vectors = encoder.encode_queries([query("a <image> b <|im_<|im_end|>end|>"), query("\ud800"), query("")])
    assert np.isfinite(vectors).all()


def test_a_long_question_is_cut(checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    encoder = VisRAG(str(checkpoints["llava"]), assets=assets, max_tokens=40)
    long = INSTRUCTION + "red " * 500
    first, second = encoder.encode_queries([query("red " * 500), query("red " * 900)])
    assert np.abs(first - second).max() < 1e-6
    assert len(encoder._model.tokenizer(encoder._cut(long))["input_ids"]) <= 40


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (700, 2), (2, 900), (1500, 1200)])
def test_odd_sizes(size: tuple[int, int], checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    for kind in checkpoints:
        encoder = VisRAG(str(checkpoints[kind]), assets=assets, max_pixels=100_000)
        assert np.isfinite(encoder.encode_chunks([photo(assets, plain("green", *size))])).all()


def test_a_damaged_or_lost_picture_is_a_source_error(checkpoints: dict[str, Path], assets: FolderAssets) -> None:
    encoder = VisRAG(str(checkpoints["llava"]), assets=assets)
    for data in (b"no picture", plain("red")[:60]):
        with pytest.raises(SourceError) as caught:
            encoder.encode_chunks([photo(assets, data)])
        assert caught.value.kind == "damaged"
    lost = photo(assets, plain("red"))
    gone = Chunk("y", "image", lost.origin, media=Media("image/png", "f" * 64, 9))
    with pytest.raises(SourceError) as caught:
        encoder.encode_chunks([gone])
    assert caught.value.kind == "missing"


# --- names and errors ---------------------------------------------------------------------------------


def test_the_fingerprint_follows_weights_pooling_and_prompt(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    model = str(checkpoints["llava"])
    other_weights = str(made(tmp_path / "other", "llava", seed=1))
    made_by = [
        VisRAG(model),
        VisRAG(other_weights),
        VisRAG(model, pooling="mean"),
        VisRAG(model, instruction="query: "),
        VisRAG(model, max_pixels=4096),
        VisRAG(model, dpi=100),
        VisRAG(model, max_tokens=100),
        VisRAG(model, dtype="bfloat16"),
    ]
    assert len({one.fingerprint for one in made_by}) == len(made_by)
    assert VisRAG(model, batch=4, device="cpu").fingerprint == made_by[0].fingerprint, "not the machine"
    assert made_by[0].dim == 48


def test_naming_a_checkpoint_opens_no_library(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A corpus opens where the libraries are not installed; asking then says what to install."""
    blocked(monkeypatch)
    encoder = VisRAG(str(checkpoints["llava"]))
    assert encoder.dim == 48
    assert encoder.fingerprint.startswith("visrag.")
    assert encoder.encode_queries([]).shape == (0, 48)
    with pytest.raises(MissingExtra, match=r"pip install 'argus-rag\[vision\]'"):
        encoder.encode_queries([query("red")])


def blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] in ("torch", "transformers"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)


def copied(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoints["llava"], tmp_path / "copy"))


def refused(folder: Path | str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        used(VisRAG(str(folder)))
    assert "\n" not in str(caught.value).strip()


def used(encoder: VisRAG) -> None:
    """As a corpus does: named first, then run."""
    _ = encoder.dim, encoder.fingerprint
    encoder.encode_queries([query("red")])


def test_the_published_weights_are_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="Python code that comes with the checkpoint"):
        VisRAG("openbmb/VisRAG-Ret")


def test_code_of_a_checkpoint_is_never_run(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(checkpoints, tmp_path)
    (folder / "modeling.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Config: pass\nclass Model: pass")
    config = (folder / "config.json").read_text(encoding="utf-8").replace('"llava"', '"mine"')
    mapped = '{"auto_map": {"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"},'
    (folder / "config.json").write_text(config.replace("{", mapped, 1), encoding="utf-8")
    refused(folder, "Argus never does")
    assert not (tmp_path / "ran").exists()


def test_pickled_weights_are_refused_with_the_way_out(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(checkpoints, tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(folder, r"pickle \(pytorch_model\.bin\).*save_pretrained")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, "config.json cannot be read"),
        ("config.json", b"{", "is not JSON"),
        ("config.json", b"[]", "no table of settings"),
        ("config.json", b'{"model_type": "llava"}', "no hidden_size"),
        ("model.safetensors", None, "there are no weights"),
        ("model.safetensors", b"\x00" * 40, "no safetensors file"),
        ("model.safetensors", b"\xff" * 40, "no safetensors file"),
        ("model.safetensors", b"\x02" + b"\x00" * 7 + b"{}" + b"\x00" * 30, "its table says"),
        ("model.safetensors", b"\x02" + b"\x00" * 7 + b"[]", "weights cannot be read"),
        ("tokenizer.json", b"{", "cannot open it"),
        ("tokenizer.json", None, "there is no tokenizer"),
        ("processor_config.json", None, "cannot open it"),
    ],
)
def test_a_broken_checkpoint_is_a_config_error(
    name: str, content: bytes | None, message: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = copied(checkpoints, tmp_path)
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    refused(folder, message)


@pytest.mark.parametrize(
    ("table", "key", "value", "message"),
    [
        ("text_config", "hidden_size", 10**5, "hidden_size = 100000, and no tensor"),
        ("text_config", "vocab_size", 10**9, "vocab_size = 1000000000, and no tensor"),
        ("text_config", "num_hidden_layers", 10**5, "num_hidden_layers = 100000, and its weights hold"),
        ("vision_config", "intermediate_size", 10**8, "intermediate_size = 100000000, and no tensor"),
    ],
)
def test_settings_larger_than_the_weights_fill_no_memory(
    table: str, key: str, value: int, message: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = copied(checkpoints, tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config[table][key] = value
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    refused(folder, message)


def test_sizes_that_are_left_out_are_looked_at_too(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """The class would take those of a model of 7 billion numbers."""
    folder = copied(checkpoints, tmp_path)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["text_config"] = {"model_type": "llama"}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    refused(folder, "and no tensor of its weights has more than")


def test_weights_that_would_be_left_random_are_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    """Issue 69 of the paper's repository: every similarity is then about the same, and nobody is told."""
    from safetensors.numpy import load_file, save_file

    folder = copied(checkpoints, tmp_path)
    tensors = load_file(folder / "model.safetensors")
    lost = next(name for name in tensors if "vision" in name)
    save_file({name: one for name, one in tensors.items() if name != lost}, folder / "model.safetensors")
    refused(folder, "left random")


def test_a_name_that_is_not_here_says_how_to_fetch_it(tmp_path: Path) -> None:
    refused("nobody/nothing-at-all", r"hf download nobody/nothing-at-all")
    refused(tmp_path / "nothing", "no such folder")
    with pytest.raises(ConfigError, match="revision"):
        _ = VisRAG(str(tmp_path), revision="abc").dim


@pytest.mark.parametrize(
    "options",
    [{"pooling": "max"}, {"dtype": "int8"}, {"dpi": 5}, {"batch": 0}, {"max_tokens": 0}, {"max_pixels": 10}],
)
def test_options_are_checked(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        VisRAG("x", **options)


# --- through a corpus -----------------------------------------------------------------------------------

PROFILE = """
[retriever]
use = "retrievers/dense"
encoder = "@visrag"
index = "@visrag.vectors"
"""


@pytest.fixture(scope="module")
def corpus(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> rag.Corpus:
    """Two pages without a word, a photo, and a text; words by nobody, pixels by the tiny model."""
    folder = tmp_path_factory.mktemp("pages")
    (folder / "scan.pdf").write_bytes(page_document([plain("red"), striped()]))
    (folder / "photo.png").write_bytes(plain("blue"))
    (folder / "note.md").write_text("# Colours\n\nRed and blue are colours.\n")
    settings = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8")
    before, after = settings.split("[encoders.minilm]")
    table = f'[encoders.visrag]\nuse = "retrievers/encoders/visrag"\nmodel = "{checkpoints["idefics3"]}"\n'
    (folder / "corpus").mkdir()
    (folder / "corpus/corpus.toml").write_text(f"{before}{table}\n{after[after.index('[indexes') :]}", encoding="utf-8")
    (folder / "mine.toml").write_text(PROFILE, encoding="utf-8")
    corpus = rag.Corpus(folder / "corpus", profile=folder / "mine.toml")
    report = corpus.add(folder, workers=1)
    assert report.counts.get("failed", 0) == 0
    return corpus


@pytest.mark.parametrize(
    ("picture", "source", "page"),
    [(plain("red"), "scan.pdf", 1), (striped(), "scan.pdf", 2), (plain("blue"), "photo.png", 1)],
)
def test_a_page_is_found_by_its_pixels(corpus: rag.Corpus, picture: bytes, source: str, page: int) -> None:
    media = corpus.store.assets.put(picture, "image/png")
    hits = corpus.search(Query((media,)), k=5)
    assert (Path(hits[0].source).name, hits[0].page) == (source, page)
    assert hits[0].score > 0.98 > min(hit.score for hit in hits)
    assert hits[0].score > hits[-1].score + 0.05


def test_pages_are_encoded_and_texts_are_not(corpus: rag.Corpus) -> None:
    ids = [id for _, id in corpus.store.catalog.live_ids()]
    chunks = corpus.store.catalog.chunks(ids).values()
    pictures = [chunk for chunk in chunks if chunk.modality == "image"]
    assert {chunk.role for chunk in pictures} >= {"page", "photo"}
    assert len(corpus.store.vectors["visrag"]) == len(pictures) < len(ids)
    assert corpus.search("what is red?", k=3), "words find pages too"


def test_an_encoder_that_comes_later_draws_the_stored_pages(corpus: rag.Corpus, tmp_path: Path) -> None:
    """Adding it reads nothing again: pages are drawn from the linked file; one that is gone is told of."""
    folder = Path(shutil.copytree(corpus.folder, tmp_path / "later"))
    (folder / "corpus.toml").write_text(
        (folder / "corpus.toml").read_text(encoding="utf-8").replace("encoders.visrag]", "encoders.second]\ndpi = 100"),
        encoding="utf-8",
    )
    scan = corpus.folder.parent / "scan.pdf"
    moved = scan.rename(tmp_path / "scan.pdf")
    try:
        with rag.Corpus(folder, profile=corpus.folder.parent / "mine.toml") as later:
            report = later.add(corpus.folder.parent / "note.md")
            assert any("scan.pdf" in warning and "gone" in warning for warning in report.warnings)
            assert 0 < len(later.store.vectors["second"]) < len(corpus.store.vectors["visrag"])
    finally:
        moved.rename(scan)
