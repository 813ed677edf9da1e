"""Tiny OpenCLIP checkpoints, and what OpenCLIP itself makes of them.

Weights are by a formula, so that they are the same everywhere. `openclip.json` holds the unit vectors that
open_clip_torch 3.3.0 with timm 1.0.31 gave for `WORDS` and `shades()`, by its own loading, tokenizer and
transforms; where both are installed, with the torchvision that they need, they are recorded anew by
`python -m tests.golden.openclip_checkpoints`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from tests.golden.checkpoints import tokenizer_of

Kind = Literal["clip", "quick", "custom", "siglip"]
KINDS: tuple[Kind, ...] = ("clip", "quick", "custom", "siglip")
RECORD = Path(__file__).parent / "openclip.json"
LIMIT = 32
TIMM = "vit_tinytest_patch8_siglip_32"
WORDS = ["red", "A page_of, red &amp; BLUE!", "  a   page  ", ""]
SIZES = [(32, 32), (91, 200), (200, 91), (64, 78), (300, 90)]


def openclip(folder: Path, kind: Kind) -> Path:
    """A checkpoint of that kind in `folder`: the plain one, with QuickGELU, with the tower of words apart, SigLIP."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    tokenizer.save_pretrained(folder)
    vocabulary = len(tokenizer)
    text = {"context_length": LIMIT, "vocab_size": vocabulary, "width": 16, "heads": 2, "layers": 2,
            "hf_tokenizer_name": "nobody/never-fetched"}  # fmt: skip
    if kind == "siglip":
        model: dict[str, Any] = {
            "embed_dim": 64, "init_logit_bias": -10, "custom_text": True,
            "vision_cfg": {"image_size": 32, "timm_model_name": TIMM, "timm_model_pretrained": False,
                           "timm_pool": "map", "timm_proj": "none"},
            "text_cfg": {**text, "width": 64, "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
                         "norm_kwargs": {"eps": 1e-6}, "act_kwargs": {"approximate": "tanh"},
                         "tokenizer_kwargs": {"clean": "canonicalize"}},
        }  # fmt: skip
        pixels: dict[str, Any] = {"mean": [0.5] * 3, "std": [0.5] * 3, "interpolation": "bicubic",
                                  "resize_mode": "squash"}  # fmt: skip
    else:
        eyes = {"image_size": 32, "layers": 2, "width": 32, "head_width": 8, "patch_size": 8}
        words = {**text, "tokenizer_kwargs": {"clean": "lower"}}
        model = {"embed_dim": 16, "vision_cfg": eyes, "text_cfg": words}
        pixels = {"mean": [0.48, 0.46, 0.41], "std": [0.27, 0.26, 0.28]}
        if kind == "quick":
            model["quick_gelu"] = True
            pixels |= {"interpolation": "bilinear", "resize_mode": "shortest"}
        if kind == "custom":
            model |= {"custom_text": True}
    config = {"model_cfg": model, "preprocess_cfg": pixels}
    (folder / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    tensors = {name: _weights(name, shape) for name, shape in _shapes(kind, vocabulary).items()}
    save_file(tensors, folder / "open_clip_model.safetensors")
    return folder


def shades() -> list[bytes]:
    """Pictures in which each pixel counts, of several sizes, as PNG."""
    import io

    import numpy as np
    from PIL import Image

    made = []
    for width, height in SIZES:
        y, x, colour = np.ogrid[:height, :width, :3]
        numbers = 127 + 120 * np.sin(x * x / 900 + colour) * np.cos(y / 11 - colour * x / 50)
        out = io.BytesIO()
        Image.fromarray(numbers.astype(np.uint8)).save(out, "PNG")
        made.append(out.getvalue())
    return made


def recorded() -> dict[str, dict[str, Any]]:
    """By kind, what OpenCLIP gave: `words` and `pictures`, a list of unit vectors each."""
    found: dict[str, dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def _tokenizer() -> Any:
    """Start and end have the highest ids, as in CLIP: its vector is read at the highest one."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    bpe = tokenizer_of(["<pad>", "<x>", "<y>"]).backend_tokenizer
    bpe.add_special_tokens(["<bos>", "<eos>"])
    around = [(one, bpe.token_to_id(one)) for one in ("<bos>", "<eos>")]
    bpe.post_processor = processors.TemplateProcessing("<bos> $A <eos>", None, around)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")


def _weights(name: str, shape: tuple[int, ...]) -> Any:
    """Numbers in (-1, 1) times a scale that keeps states apart, by the tensor's name."""
    import numpy as np

    start = sum(ord(letter) * (place + 1) for place, letter in enumerate(name))
    count = np.arange(int(np.prod(shape))) * 12.9898 + start
    numbers = np.modf(np.sin(count) * 43.7585453)[0].reshape(shape)
    scale = 1.5 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.2
    base = 1.0 if len(shape) == 1 and name.endswith("weight") else 0.0
    return np.asarray(base + scale * numbers, np.float32)


def _shapes(kind: Kind, vocabulary: int) -> dict[str, tuple[int, ...]]:
    apart = "text." if kind in ("custom", "siglip") else ""
    width = 64 if kind == "siglip" else 16
    shapes = {
        f"{apart}positional_embedding": (LIMIT, width), f"{apart}token_embedding.weight": (vocabulary, width),
        **_pair(f"{apart}ln_final", (width,)), "logit_scale": (),
        **_blocks(f"{apart}transformer.resblocks", width),
    }  # fmt: skip
    if kind != "siglip":
        return shapes | {
            f"{apart}text_projection": (16, 16), "visual.class_embedding": (32,), "visual.proj": (32, 16),
            "visual.positional_embedding": (17, 32), "visual.conv1.weight": (32, 3, 8, 8),
            **_pair("visual.ln_pre", (32,)), **_pair("visual.ln_post", (32,)),
            **_blocks("visual.transformer.resblocks", 32),
        }  # fmt: skip
    trunk = "visual.trunk"
    for number in range(2):
        block = f"{trunk}.blocks.{number}"
        for name, shape in (("norm1", (64,)), ("attn.qkv", (192, 64)), ("attn.proj", (64, 64)), ("norm2", (64,)),
                            ("mlp.fc1", (256, 64)), ("mlp.fc2", (64, 256))):  # fmt: skip
            shapes |= _pair(f"{block}.{name}", shape)
    for name, shape in (("q", (64, 64)), ("kv", (128, 64)), ("proj", (64, 64)), ("norm", (64,)),
                        ("mlp.fc1", (256, 64)), ("mlp.fc2", (64, 256))):  # fmt: skip
        shapes |= _pair(f"{trunk}.attn_pool.{name}", shape)
    return shapes | {
        f"{trunk}.attn_pool.latent": (1, 1, 64), f"{trunk}.pos_embed": (1, 16, 64), "logit_bias": (),
        **_pair(f"{trunk}.patch_embed.proj", (64, 3, 8, 8)), **_pair(f"{trunk}.norm", (64,)),
        **_pair("text.text_projection", (64, 64)),
    }  # fmt: skip


def _blocks(start: str, width: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {}
    for number in range(2):
        block = f"{start}.{number}"
        shapes |= {f"{block}.attn.in_proj_weight": (3 * width, width), f"{block}.attn.in_proj_bias": (3 * width,)}
        for name, shape in (("ln_1", (width,)), ("attn.out_proj", (width, width)), ("ln_2", (width,)),
                            ("mlp.c_fc", (4 * width, width)), ("mlp.c_proj", (width, 4 * width))):  # fmt: skip
            shapes |= _pair(f"{block}.{name}", shape)
    return shapes


def _pair(name: str, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": shape, f"{name}.bias": shape[:1]}


def record(folder: Path) -> dict[str, Any]:
    """By plain calls of open_clip."""
    import open_clip
    import torch
    from timm.models import register_model
    from timm.models.vision_transformer import VisionTransformer

    from rag.vlm import picture

    def vit_tinytest_patch8_siglip_32(pretrained: bool = False, **options: Any) -> Any:
        for unused in ("pretrained_cfg", "pretrained_cfg_overlay", "cache_dir"):
            options.pop(unused, None)
        given = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 1, "class_token": False,
                 "global_pool": "map"}  # fmt: skip
        return VisionTransformer(**{**given, **options})

    vit_tinytest_patch8_siglip_32.__module__ = "timm.models.vision_transformer"
    register_model(vit_tinytest_patch8_siglip_32)
    looks = [picture(data, 2_000_000, "") for data in shades()]
    told: dict[str, Any] = {}
    for kind in KINDS:
        place = f"local-dir:{openclip(folder / kind, kind)}"
        model, preprocess = open_clip.create_model_from_pretrained(place)
        model.eval()
        tokenizer = open_clip.get_tokenizer(place)
        with torch.no_grad():
            words = model.encode_text(tokenizer(WORDS), normalize=True)
            seen = model.encode_image(torch.stack([preprocess(one) for one in looks]), normalize=True)
        told[kind] = {"words": _rounded(words), "pictures": _rounded(seen)}
    return told


def _rounded(vectors: Any) -> list[list[float]]:
    return [[round(float(number), 7) for number in row] for row in vectors]


if __name__ == "__main__":
    from tempfile import mkdtemp

    RECORD.write_text(json.dumps(record(Path(mkdtemp()))) + "\n", encoding="utf-8")
