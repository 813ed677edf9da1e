"""OpenCLIP's checkpoints: equality with OpenCLIP's own vectors, and what is refused with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.clip import CLIP
from rag.retrievers.encoders.openclip_model import renamed
from rag.retrievers.encoders.windows import windows

from rag.answer import Query, query
from rag.document import WHOLE, Chunk, Origin, PageRegion, Source
from rag.errors import ConfigError
from rag.store.assets import FolderAssets
from tests.golden.openclip_checkpoints import KINDS, LIMIT, WORDS, Kind, openclip, recorded, shades
from tests.golden.tower_checkpoints import towers

LONG = "one two three four five six seven eight nine ten " * 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("openclip")


@pytest.fixture(scope="module")
def checkpoints(folder: Path) -> dict[Kind, str]:
    return {kind: str(openclip(folder / kind, kind)) for kind in KINDS}


@pytest.fixture(scope="module")
def assets(folder: Path) -> FolderAssets:
    return FolderAssets(folder / "assets")


@pytest.fixture(scope="module")
def chunks(assets: FolderAssets) -> list[Chunk]:
    at = Origin(Source("a.png", "image/png", "a" * 64), (PageRegion(1, WHOLE),))
    return [Chunk("", "image", at, media=assets.put(data, "image/png")) for data in shades()]


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_those_of_openclip(
    kind: Kind, checkpoints: dict[Kind, str], assets: FolderAssets, chunks: list[Chunk]
) -> None:
    """Its own model, tokenizer, cleaning and transforms, recorded: see `tests.golden.openclip_checkpoints`."""
    encoder = CLIP(checkpoints[kind], assets=assets, batch=3)
    theirs = recorded()[kind]
    assert np.abs(encoder.encode_chunks(chunks) - np.array(theirs["pictures"])).max() < 1e-5
    assert np.abs(encoder.encode_queries([query(one) for one in WORDS]) - np.array(theirs["words"])).max() < 1e-5


def test_a_converted_checkpoint_of_the_same_weights_has_the_same_vectors(
    checkpoints: dict[Kind, str], assets: FolderAssets, chunks: list[Chunk], folder: Path
) -> None:
    """Saved by transformers and opened in its own way, but for pixels: its crop differs by a pixel at some sizes."""
    from transformers import CLIPProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    encoder = CLIP(checkpoints["clip"], assets=assets)
    opened = encoder._model
    looks = opened.processor.image_processor
    images = CLIPImageProcessorPil(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}, image_mean=looks.mean, image_std=looks.std
    )
    opened.model.save_pretrained(folder / "converted")
    CLIPProcessor(images, opened.tokenizer).save_pretrained(folder / "converted")
    native = CLIP(str(folder / "converted"), assets=assets)
    assert native.dim == encoder.dim
    asked = [query("red"), query("blue pages"), query(LONG)]
    assert np.abs(native.encode_queries(asked) - encoder.encode_queries(asked)).max() < 1e-5
    same = [chunks[number] for number in (0, 1, 2, 4)]
    assert np.abs(native.encode_chunks(same) - encoder.encode_chunks(same)).max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_alone_is_as_in_a_batch(
    kind: Kind, checkpoints: dict[Kind, str], assets: FolderAssets, chunks: list[Chunk]
) -> None:
    one, three = (CLIP(checkpoints[kind], assets=assets, batch=size) for size in (1, 3))
    media = chunks[0].media
    assert media is not None
    asked = [query("red"), query(LONG), Query(("a", media), minus=("blue",)), query("")]
    for alone, together in (
        (one.encode_chunks(chunks), three.encode_chunks(chunks)),
        (one.encode_chunks(chunks), three.encode_chunks(chunks[::-1])[::-1]),
        (one.encode_queries(asked), three.encode_queries(asked)),
    ):
        assert alone.dtype == np.float32
        assert np.abs(alone - together).max() <= 1e-5
        assert np.allclose(np.linalg.norm(alone, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_long_words_are_read_in_windows(kind: Kind, checkpoints: dict[Kind, str]) -> None:
    encoder = CLIP(checkpoints[kind])
    first, second = encoder.encode_queries([query(LONG + "red " * 9), query(LONG + "[1] [2] " * 4)])
    assert np.abs(first - second).max() > 1e-4
    ids = encoder._model.tokenizer(LONG.strip(), add_special_tokens=False)["input_ids"]
    parts = windows(ids, LIMIT - 2)
    assert len(parts) > 2
    each = np.stack([encoder._read([part])[0] for part in parts])
    mean = np.average(each, axis=0, weights=[len(part) for part in parts])
    assert np.abs(encoder.encode_queries([query(LONG)])[0] - mean / np.linalg.norm(mean)).max() < 1e-5


def test_the_name_follows_the_weights_and_the_settings(checkpoints: dict[Kind, str], tmp_path: Path) -> None:
    told = {CLIP(model).fingerprint for model in checkpoints.values()}
    assert len(told) == len(KINDS)
    assert CLIP(str(openclip(tmp_path / "again", "clip"))).fingerprint == CLIP(checkpoints["clip"]).fingerprint
    changed(tmp_path / "again", lambda config: config["preprocess_cfg"].update(interpolation="bilinear"))
    assert CLIP(str(tmp_path / "again")).fingerprint != CLIP(checkpoints["clip"]).fingerprint


def test_naming_it_loads_nothing(checkpoints: dict[Kind, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.retrievers.encoders.clip.opened", lambda *_: pytest.fail("loaded"))
    encoder = CLIP(checkpoints["siglip"])
    assert encoder.dim == 64
    assert encoder.encode_queries([]).shape == (0, 64)
    assert encoder.fingerprint.startswith("clip.")


def test_transformers_files_go_first(checkpoints: dict[Kind, str], tmp_path: Path) -> None:
    """Many folders on the hub hold both."""
    model = towers(tmp_path / "both", "clip")
    before = CLIP(str(model))
    _ = before.checkpoint
    openclip(tmp_path / "other", "siglip")
    for name in ("open_clip_config.json", "open_clip_model.safetensors"):
        (tmp_path / "other" / name).rename(model / name)
    both = CLIP(str(model))
    assert both._open is None
    assert both.dim == before.dim == 16


def test_a_hub_name_is_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By OpenCLIP's file: there is no config.json."""
    home = tmp_path / "hub" / "models--timm--ViT-tiny-SigLIP"
    snapshot = openclip(home / "snapshots" / ("1" * 40), "siglip")
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(snapshot.name)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    assert CLIP("timm/ViT-tiny-SigLIP").encode_queries([query("red")]).shape == (1, 64)
    with pytest.raises(ConfigError, match="hf download timm/ViT-large"):
        _ = CLIP("timm/ViT-large").dim


# --- what is refused -----------------------------------------------------------------------------------


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = folder / "open_clip_config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    change(config)
    file.write_text(json.dumps(config), encoding="utf-8")


def refused(folder: Path, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        used(CLIP(str(folder)))
    assert "\n" not in str(caught.value)


def used(encoder: CLIP) -> None:
    """As a corpus does: named first, then run."""
    _ = encoder.dim, encoder.fingerprint
    encoder.encode_queries([query("red")])


@pytest.mark.parametrize(
    ("table", "key", "value"),
    [
        ("vision_cfg", "layers", [3, 4, 6, 3]),
        ("vision_cfg", "timm_model_name", "convnext_base"),
        ("vision_cfg", "timm_model_name", "vit_base_patch16_siglip_gap_224"),
        ("vision_cfg", "attentional_pool", True),
        ("vision_cfg", "pool_type", "avg"),
        ("vision_cfg", "no_ln_pre", True),
        ("vision_cfg", "ls_init_value", 0.1),
        ("vision_cfg", "act_kwargs", {"approximate": "sigmoid"}),
        ("vision_cfg", "norm_kwargs", {"elementwise_affine": False, "bias": True}),
        ("text_cfg", "hf_model_name", "roberta-base"),
        ("text_cfg", "embed_cls", True),
        ("text_cfg", "pool_type", "eos"),
        ("text_cfg", "no_causal_mask", True),
        ("text_cfg", "tokenizer_mode", "clips"),
        ("text_cfg", "tokenizer_kwargs", {"strip_sep_token": True}),
        ("text_cfg", "something_of_next_year", 1),
    ],
)
def test_a_setting_that_is_not_known_is_refused_by_its_name(table: str, key: str, value: Any, tmp_path: Path) -> None:
    folder = openclip(tmp_path / "model", "clip")
    changed(folder, lambda config: config["model_cfg"][table].update({key: value}))
    refused(folder, f"{table}.{key}.*does not know|{table}.timm_pool.*does not know")


@pytest.mark.parametrize("key", ["no_causal_mask", "proj_bias", "pool_type"])
def test_siglip_needs_what_siglip_has(key: str, tmp_path: Path) -> None:
    folder = openclip(tmp_path / "model", "siglip")
    changed(folder, lambda config: config["model_cfg"]["text_cfg"].pop(key))
    refused(folder, f"text_cfg.{key}")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("open_clip_config.json", b"{", "is not JSON"),
        ("open_clip_config.json", b"[]", "no table model_cfg"),
        ("open_clip_config.json", b'{"model_cfg": []}', "no table model_cfg"),
        ("open_clip_config.json", b'{"model_cfg": {"vision_cfg": 3}}', "vision_cfg .* is no table"),
        ("open_clip_config.json", b'{"model_cfg": {"embed_dim": "16"}}', "'16' as embed_dim"),
        ("open_clip_config.json", b'{"model_cfg": {"embed_dim": 16}}', "do not fit|tokens"),
        ("open_clip_model.safetensors", b"\x00" * 40, "no safetensors file"),
        ("open_clip_model.safetensors", b"\xff" * 40, "no safetensors file"),
        ("tokenizer.json", None, "tokenizer cannot be opened.*nobody/never-fetched"),
        ("tokenizer.json", b"{", "tokenizer cannot be opened"),
    ],
)
def test_a_broken_checkpoint_is_a_config_error(name: str, content: bytes | None, message: str, tmp_path: Path) -> None:
    folder = openclip(tmp_path / "model", "clip")
    (folder / name).unlink() if content is None else (folder / name).write_bytes(content)
    refused(folder, message)


def test_a_pickle_is_not_opened(tmp_path: Path) -> None:
    folder = openclip(tmp_path / "model", "clip")
    (folder / "open_clip_model.safetensors").rename(folder / "open_clip_pytorch_model.bin")
    refused(folder, "no open_clip_model.safetensors.*pickle")


@pytest.mark.parametrize(("kind", "lost"), [("clip", "ln_final.bias"), ("siglip", "visual.trunk.attn_pool.latent")])
def test_weights_that_do_not_fit_are_refused(kind: Kind, lost: str, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = openclip(tmp_path / "model", kind)
    file = folder / "open_clip_model.safetensors"
    tensors = load_file(file)
    save_file({name: one for name, one in tensors.items() if name != lost}, file)
    refused(folder, "its weights lack")
    save_file({**tensors, "visual.extra.weight": np.zeros(3, np.float32)}, file)
    refused(folder, "hold visual.extra.weight, too")
    save_file({**tensors, lost: np.zeros((3, 3), np.float32)}, file)
    refused(folder, "do not fit")


def test_a_tokenizer_that_is_not_the_models_is_refused(tmp_path: Path) -> None:
    folder = openclip(tmp_path / "model", "clip")
    changed(folder, lambda config: config["model_cfg"]["text_cfg"].update(vocab_size=200))
    refused(folder, "text_cfg.vocab_size is 200")
    other = openclip(tmp_path / "other", "clip")
    tokenizer = json.loads((other / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["post_processor"] = None
    (other / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    refused(other, "highest token")


def test_a_tokenizer_without_words_is_not_made_up(tmp_path: Path) -> None:
    """As transformers would, for a class that it knows."""
    folder = openclip(tmp_path / "model", "clip")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    refused(folder, r"tokenizer cannot be opened \(there is none\)")


def test_a_tokenizer_of_clips_own_class_is_read(tmp_path: Path) -> None:
    """Words and merges in files of their own, as older folders have them."""
    folder = openclip(tmp_path / "model", "clip")
    (folder / "tokenizer.json").unlink()
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "re", "red</w>", "<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\nr e\nre d</w>\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "CLIPTokenizer"}')
    encoder = CLIP(str(folder))
    ids = encoder._model.tokenizer(encoder._open.cleaned("RED  a") if encoder._open else "")["input_ids"]
    assert [words[number] for number in ids] == ["<|startoftext|>", "red</w>", "a</w>", "<|endoftext|>"]
    assert np.isfinite(encoder.encode_queries([query("red")])).all()


def test_names_that_are_not_known_are_kept() -> None:
    import torch

    told = renamed({"visual.other": torch.zeros(2), "transformer.resblocks.0.attn.in_proj_bias": torch.arange(6.0)})
    assert set(told) == {"visual.other"} | {f"text_model.encoder.layers.0.self_attn.{one}_proj.bias" for one in "qkv"}
    assert told["text_model.encoder.layers.0.self_attn.k_proj.bias"].tolist() == [2, 3]
