"""Checkpoints of OpenCLIP: found, looked over, and told what they are.

Ilharco et al. 2021, "OpenCLIP" (https://github.com/mlfoundations/open_clip), whose folders hold
`open_clip_config.json` and `open_clip_model.safetensors`. The library itself needs torchvision of the build that fits
torch, which cannot be had everywhere; its standard towers are those of transformers under other names, so their
weights are read by name (`openclip_model`), and words and pictures are prepared as OpenCLIP prepares them. Two
families: CLIP with a plain vision transformer, and SigLIP with timm's. A setting that neither has is refused by its
name, as are weights that are a pickle. Departure: OpenCLIP also repairs broken encodings and parts ligatures in
words (ftfy).
"""

from __future__ import annotations

import html
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rag.checkpoint import Checkpoint, located
from rag.errors import ConfigError

CONFIG, WEIGHTS = "open_clip_config.json", "open_clip_model.safetensors"
CLEANED = ("lower", "whitespace", "canonicalize")
_PUNCTUATION = str.maketrans("", "", string.punctuation)

Kind = Literal["clip", "siglip"]
# The settings that are known, each with the values that it may have: None for any, and all may be false or left out.
_ANY = dict.fromkeys(["layers", "width", "mlp_ratio", "act_kwargs", "norm_kwargs", "output_tokens", "image_size",
                      "patch_size", "head_width", "heads", "context_length", "vocab_size", "hf_tokenizer_name",
                      "tokenizer_kwargs", "pad_id", "eos_id"])  # fmt: skip
_UNUSED = dict.fromkeys(["patch_dropout", "attn_pooler_queries", "attn_pooler_heads", "timm_model_pretrained",
                         "timm_drop", "timm_drop_path", "hf_model_pretrained", "hf_proj_type",
                         "hf_pooler_type"])  # fmt: skip
_PLAIN: dict[str, Any] = {**_ANY, **_UNUSED, "block_type": ("default",), "proj_type": ("linear",)}
_KNOWN: dict[Kind, dict[str, dict[str, Any]]] = {
    "clip": {
        "vision_cfg": {
            **_PLAIN, "pool_type": ("tok",), "pos_embed_type": ("learnable",), "timm_pool": None, "timm_proj": None
        },
        "text_cfg": {**_PLAIN, "pool_type": ("argmax",)},
    },
    "siglip": {
        "vision_cfg": {**_PLAIN, "timm_model_name": None, "timm_pool": ("map",), "timm_proj": ("none",),
                       "pool_type": ("tok",), "pos_embed_type": ("learnable",)},
        "text_cfg": {**_PLAIN, "pool_type": ("last",), "no_causal_mask": (True,), "proj_bias": (True,)},
    },
}  # fmt: skip
_NEEDED: dict[Kind, dict[str, dict[str, Any]]] = {
    "clip": {"vision_cfg": {}, "text_cfg": {}},
    "siglip": {"vision_cfg": {"timm_pool": "map", "timm_proj": "none"},
               "text_cfg": {"pool_type": "last", "no_causal_mask": True, "proj_bias": True}},
}  # fmt: skip


@dataclass(frozen=True)
class OpenCLIP:
    """What an open_clip_config.json says of a model that can be read here; `quick` is its QuickGELU."""

    name: str
    kind: Kind
    dim: int
    size: int
    vision: Mapping[str, Any]
    text: Mapping[str, Any]
    pixels: Mapping[str, Any]
    quick: bool

    def cleaned(self, text: str) -> str:
        """Words as OpenCLIP cleans them before they are parted into tokens."""
        how = (self.text.get("tokenizer_kwargs") or {}).get("clean")
        how = how or ("whitespace" if self.text.get("hf_tokenizer_name") else "lower")
        text = html.unescape(html.unescape(text))
        if how == "canonicalize":
            text = text.replace("_", " ").translate(_PUNCTUATION)
        text = " ".join(text.split())
        return text if how == "whitespace" else text.lower()


def found(model: str, revision: str) -> Checkpoint | None:
    """The OpenCLIP checkpoint in a folder or of a hub name in this machine's cache; None where there is none."""
    folder = Path(model).expanduser()
    if not folder.is_dir():
        try:
            folder = located(model, revision, CONFIG)
        except ConfigError:
            return None
    if not (folder / CONFIG).is_file():
        return None
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except OSError as error:
        raise unlike(model, f"{CONFIG} cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise unlike(model, f"{CONFIG} is not JSON ({error})") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_cfg"), dict):
        raise unlike(model, f"{CONFIG} has no table model_cfg")
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "open_clip_pytorch_model.bin").is_file()
        why = "; the .bin that is there is a pickle, which can run any code when it is opened" if pickled else ""
        raise unlike(model, f"there is no {WEIGHTS}{why}")
    return Checkpoint(model, folder, config, (folder / WEIGHTS,))


def described(checkpoint: Checkpoint) -> OpenCLIP:
    """What a model is; ConfigError naming the first setting that neither family has."""
    name, config = checkpoint.name, checkpoint.config["model_cfg"]
    vision, text = (_table(name, config, key) for key in ("vision_cfg", "text_cfg"))
    pixels = _table(name, checkpoint.config, "preprocess_cfg")
    kind: Kind = "siglip" if "siglip" in str(vision.get("timm_model_name")) else "clip"
    for place, settings in (("vision_cfg", vision), ("text_cfg", text)):
        for key, value in settings.items():
            known = _KNOWN[kind][place].get(key, ())
            if value and known is not None and value not in known:
                raise unknown(name, f"{place}.{key}", value)
        for key, value in _NEEDED[kind][place].items():
            if settings.get(key) != value:
                raise unknown(name, f"{place}.{key}", settings.get(key))
        _known(name, f"{place}.act_kwargs", settings.get("act_kwargs"), {"approximate": ("none", "tanh")})
        _known(name, f"{place}.norm_kwargs", settings.get("norm_kwargs"), {"eps": None})
    if kind == "siglip" and "_gap" in str(vision["timm_model_name"]):
        raise unknown(name, "vision_cfg.timm_model_name", vision["timm_model_name"])
    if isinstance(vision.get("layers"), list):  # a ResNet
        raise unknown(name, "vision_cfg.layers", vision["layers"])
    _known(name, "text_cfg.tokenizer_kwargs", text.get("tokenizer_kwargs"), {"clean": CLEANED})
    _known(name, "preprocess_cfg", {"resize_mode": pixels.get("resize_mode")}, {"resize_mode": ("shortest", "squash")})
    size, dim = vision.get("image_size", 224), config.get("embed_dim")
    size = size[0] if isinstance(size, list) and size and len(set(map(str, size))) == 1 else size
    numbers = {
        "embed_dim": dim,
        "vision_cfg.image_size": size,
        "vision_cfg.head_width": vision.get("head_width", 64),
        "text_cfg.heads": text.get("heads", 8),
        "text_cfg.vocab_size": text.get("vocab_size", 49408),
    }
    for key, value in numbers.items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**6:
            raise unlike(name, f"{CONFIG} gives {value!r} as {key}, expected a whole number")
    return OpenCLIP(name, kind, int(dim or 0), int(size), vision, text, pixels, bool(config.get("quick_gelu")))


def unlike(model: str, what: str) -> ConfigError:
    """The error for a folder that is not as OpenCLIP leaves one."""
    return ConfigError(
        f"{model}: {what}; expected a folder as OpenCLIP's push_to_hf_hub writes it: {CONFIG}, {WEIGHTS}, "
        "tokenizer.json and tokenizer_config.json",
        key="model",
    )


def unknown(model: str, key: str, value: Any) -> ConfigError:
    """The error for a model of a family that is not read here."""
    return ConfigError(
        f"{model}: {CONFIG} says {key} = {value!r:.80}, which this encoder does not know. It reads CLIP with a plain "
        "vision transformer and SigLIP with timm's; CoCa, ResNets, EVA, ConvNeXt, MobileCLIP, ViTamin and towers of "
        "words from other libraries are not. Take a checkpoint of transformers' instead, where there is one",
        key="model",
    )


def _table(name: str, config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = config.get(key, {})
    if not isinstance(table, dict):
        raise unlike(name, f"{key} of {CONFIG} is no table")
    return table


def _known(name: str, place: str, settings: Any, known: Mapping[str, tuple[str, ...] | None]) -> None:
    """ConfigError for a setting, or a value of one, that is not known; what is false is left out."""
    if settings and not isinstance(settings, dict):
        raise unknown(name, place, settings)
    for key, value in (settings or {}).items():
        if value and (key not in known or ((values := known[key]) is not None and value not in values)):
            raise unknown(name, f"{place}.{key}", value)
