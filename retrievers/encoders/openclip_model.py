"""OpenCLIP's weights in the classes of transformers: the same towers, by other names of their tensors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rag.checkpoint import Checkpoint, has_tokenizer
from rag.errors import ConfigError
from rag.extras import extra
from rag.vlm import Opened, chosen, placed, quietly

from .openclip import OpenCLIP, unlike
from .openclip_pixels import Pixels

if TYPE_CHECKING:
    from torch import Tensor

    State = dict[str, Tensor]

_MEAN, _STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
_TANH = (
    "vit_base_patch32_siglip", "vit_large_patch16_siglip_512", "vit_so400m_patch16_siglip",
    "vit_giantopt_patch16_siglip",
)  # fmt: skip
"""Starts of the names of timm's SigLIP towers whose activation is the approximation by tanh."""
_HEADS = {1152: 16, 1536: 16}
"""Attention heads of timm's SigLIP towers by their width; 64 dimensions a head elsewhere."""

# (name in OpenCLIP, name in transformers); a name that ends with a dot stands for weight and bias.
_NAMES = [
    (r"visual\.class_embedding", "vision_model.embeddings.class_embedding"),
    (r"visual\.positional_embedding", "vision_model.embeddings.position_embedding.weight"),
    (r"visual\.conv1\.", "vision_model.embeddings.patch_embedding."),
    (r"visual\.ln_pre\.", "vision_model.pre_layrnorm."),
    (r"visual\.ln_post\.", "vision_model.post_layernorm."),
    (r"visual\.transformer\.resblocks\.", "vision_model.encoder.layers."),
    (r"visual\.trunk\.patch_embed\.proj\.", "vision_model.embeddings.patch_embedding."),
    (r"visual\.trunk\.blocks\.", "vision_model.encoder.layers."),
    (r"visual\.trunk\.norm\.", "vision_model.post_layernorm."),
    (r"visual\.trunk\.attn_pool\.latent", "vision_model.head.probe"),
    (r"visual\.trunk\.attn_pool\.proj\.", "vision_model.head.attention.out_proj."),
    (r"visual\.trunk\.attn_pool\.norm\.", "vision_model.head.layernorm."),
    (r"visual\.trunk\.attn_pool\.mlp\.", "vision_model.head.mlp."),
    (r"(text\.)?positional_embedding", "text_model.embeddings.position_embedding.weight"),
    (r"(text\.)?token_embedding\.", "text_model.embeddings.token_embedding."),
    (r"(text\.)?transformer\.resblocks\.", "text_model.encoder.layers."),
    (r"(text\.)?ln_final\.", "text_model.final_layer_norm."),
    (r"text\.text_projection\.(?=weight|bias)", "text_model.head."),
]
_IN_BLOCKS = {
    "ln_1": "layer_norm1", "ln_2": "layer_norm2", "norm1": "layer_norm1", "norm2": "layer_norm2",
    "attn.out_proj": "self_attn.out_proj", "attn.proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
}  # fmt: skip
_BLOCK = re.compile(r"(\w+_model\.encoder\.layers\.\d+)\.(.+)")
_JOINT = re.compile(r"attn\.(?:in_proj_|qkv\.)(weight|bias)")
_POOL = "visual.trunk.attn_pool."


@dataclass(frozen=True)
class Processor:
    """The two halves of a processor of transformers."""

    tokenizer: Any
    image_processor: Pixels


def opened(checkpoint: Checkpoint, told: OpenCLIP, device: str, dtype: str) -> Opened:
    """The model with its tokenizer and how it reads pictures; ConfigError where the files do not fit together."""
    with extra("vision"):
        import torch
        import transformers
    from safetensors.torch import load_file

    with quietly(transformers.utils.logging):
        tokenizer = _tokenizer(checkpoint, told)
        try:
            state = renamed(load_file(checkpoint.weights[0]))
            model = _empty(told, state)
            lacking, left = model.load_state_dict(state, strict=False, assign=True)
        except MemoryError:
            raise
        except Exception as error:  # safetensors, torch and transformers raise anything
            what = " ".join(str(error).split())[:300]
            raise unlike(told.name, f"its weights do not fit its settings ({type(error).__name__}: {what})") from error
    if lacking or left:
        raise unlike(told.name, f"its weights lack {lacking[0]}" if lacking else f"its weights hold {left[0]}, too")
    settings = told.pixels
    looks = Pixels(
        told.size, _three(settings.get("mean"), _MEAN), _three(settings.get("std"), _STD),
        settings.get("interpolation") == "bilinear", settings.get("resize_mode") == "squash",
    )  # fmt: skip
    place = chosen(device)
    return Opened(placed(model.to(getattr(torch, dtype)), place), Processor(tokenizer, looks), place, "")


def renamed(state: Mapping[str, Tensor]) -> State:
    """OpenCLIP's tensors by transformers' names; what has none keeps its own, and is told of later.

    Query, key and value stand in one tensor there and in three here; projections that are bare
    matrices there are layers here, which are stored the other way round.
    """
    import torch

    made: State = {}
    for name, one in state.items():
        if name in ("visual.proj", "text_projection", "text.text_projection"):
            made["visual_projection.weight" if name == "visual.proj" else "text_projection.weight"] = one.T
        elif name == "visual.trunk.pos_embed":
            made["vision_model.embeddings.position_embedding.weight"] = one.squeeze(0)
        elif name.startswith((f"{_POOL}q.", f"{_POOL}kv.")):
            part = name.rsplit(".", 1)[1]
            both = [state[f"{_POOL}q.{part}"], state[f"{_POOL}kv.{part}"]]
            made[f"vision_model.head.attention.in_proj_{part}"] = torch.cat(both)
        elif name not in ("logit_scale", "logit_bias", "attn_mask", "text.attn_mask"):
            made.update(_block(_named(name), one))
    return made


def _named(name: str) -> str:
    for pattern, other in _NAMES:
        if match := re.match(pattern, name):
            return other + name[match.end() :]
    return name


def _block(name: str, one: Tensor) -> State:
    """A tensor of a layer by the names that it has within one; any other as it is."""
    if not (found := _BLOCK.fullmatch(name)):
        return {name: one}
    layer, rest = found.groups()
    if joint := _JOINT.fullmatch(rest):
        parts = zip("qkv", one.chunk(3), strict=True)
        return {f"{layer}.self_attn.{part}_proj.{joint[1]}": third for part, third in parts}
    inner, _, part = rest.rpartition(".")
    return {f"{layer}.{_IN_BLOCKS.get(inner, inner)}.{part}": one}


def _empty(told: OpenCLIP, state: State) -> Any:
    """The class of transformers with room for the weights; sizes are those of the tensors."""
    import torch
    import transformers

    patches = state["vision_model.embeddings.patch_embedding.weight"].shape
    words = state["text_model.embeddings.token_embedding.weight"].shape
    vision = {**_tower(state, "vision_model", patches[0]), "patch_size": patches[-1], "image_size": told.size}
    text = {**_tower(state, "text_model", words[1]), "vocab_size": words[0], "bos_token_id": 0, "pad_token_id": 0,
            "max_position_embeddings": len(state["text_model.embeddings.position_embedding.weight"]),
            "num_attention_heads": told.text.get("heads", 8), "hidden_act": _activation(told, told.text),
            "layer_norm_eps": _epsilon(told.text)}  # fmt: skip
    if told.kind == "siglip":
        tanh = str(told.vision["timm_model_name"]).startswith(_TANH)
        vision["num_attention_heads"] = _HEADS.get(patches[0], max(1, patches[0] // 64))
        vision.update(hidden_act="gelu_pytorch_tanh" if tanh else "gelu", layer_norm_eps=1e-6)
        text.update(eos_token_id=0, projection_size=told.dim)
        config: Any = transformers.SiglipConfig(text_config=text, vision_config=vision)
        kind: Any = transformers.SiglipModel
    else:
        vision["num_attention_heads"] = patches[0] // told.vision.get("head_width", 64)
        vision.update(hidden_act=_activation(told, told.vision), layer_norm_eps=_epsilon(told.vision))
        text["eos_token_id"] = 2  # by which transformers means the highest id of a text, as OpenCLIP's argmax does
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=told.dim)
        kind = transformers.CLIPModel
    with torch.device("meta"):
        model = kind(config)
    for module in model.modules():  # what no file holds: the numbers of the positions
        if (numbers := module._buffers.get("position_ids")) is not None:
            module._buffers["position_ids"] = torch.arange(numbers.shape[-1]).expand(1, -1)
    for name in ("logit_scale", "logit_bias"):  # for probabilities, which are not computed here
        if (scalar := getattr(model, name, None)) is not None:
            state[name] = torch.zeros(scalar.shape)
    return model


def _tower(state: State, tower: str, width: int) -> dict[str, Any]:
    layers = {name.split(".")[3] for name in state if name.startswith(f"{tower}.encoder.layers.")}
    inner = len(state[f"{tower}.encoder.layers.0.mlp.fc1.weight"])
    return {"hidden_size": width, "num_hidden_layers": len(layers), "intermediate_size": inner}


def _activation(told: OpenCLIP, settings: Mapping[str, Any]) -> str:
    if told.quick:
        return "quick_gelu"
    return "gelu_pytorch_tanh" if (settings.get("act_kwargs") or {}).get("approximate") == "tanh" else "gelu"


def _epsilon(settings: Mapping[str, Any]) -> float:
    return float((settings.get("norm_kwargs") or {}).get("eps", 1e-5))


def _three(given: Any, default: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(map(float, given)) if isinstance(given, list) else (float(given),) * 3 if given else default


def _tokenizer(checkpoint: Checkpoint, told: OpenCLIP) -> Any:
    """The tokenizer whose files lie in the folder; ConfigError if there are none, or it is not the model's."""
    import transformers

    wanted = told.text.get("hf_tokenizer_name") or "openai/clip-vit-base-patch32"
    try:
        if not has_tokenizer(checkpoint.folder):
            raise ValueError("there is none")
        auto: Any = transformers.AutoTokenizer
        tokenizer = auto.from_pretrained(checkpoint.folder, local_files_only=True, trust_remote_code=False)
        vocabulary = tokenizer.get_vocab().values()
        ids = tokenizer("a")["input_ids"]
    except MemoryError:
        raise
    except Exception as error:
        what = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"{told.name}: its tokenizer cannot be opened ({what}). Argus fetches none: put "
            f"tokenizer.json and tokenizer_config.json of {wanted} into {checkpoint.folder}",
            key="model",
        ) from error
    if max(vocabulary) >= (size := told.text.get("vocab_size", 49408)):
        raise unlike(told.name, f"its tokenizer has {max(vocabulary) + 1} tokens, its text_cfg.vocab_size is {size}")
    if told.kind == "clip" and ids[-1] != max(vocabulary):
        raise unlike(told.name, "its tokenizer does not end a text with its highest token, where the vector is read")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
