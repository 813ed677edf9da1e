"""Tiny CLIP, SigLIP and SigLIP 2 checkpoints built from their settings: no hub, random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tests.golden.checkpoints import saved, tokenizer_of

Towers = Literal["clip", "siglip", "siglip2"]
TOWERS: tuple[Towers, ...] = ("clip", "siglip", "siglip2")
DIM = 16
LIMIT = 12
"""Tokens that the tower of words reads, the specials included."""


def towers(folder: Path, kind: Towers, *, seed: int = 0, scale: float = 4.0) -> Path:
    """A checkpoint of that kind in `folder`; the same for the same arguments."""
    import torch
    import transformers
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil
    from transformers.models.siglip2.image_processing_pil_siglip2 import Siglip2ImageProcessorPil
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    tokenizer = tokenizer_of(["<pad>", "<bos>", "<eos>", "<unk>"], ends=True)
    size: dict[str, Any] = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2,
                            "num_attention_heads": 4}  # fmt: skip
    words = {**size, "vocab_size": len(tokenizer), "max_position_embeddings": LIMIT, "bos_token_id": 1,
             "eos_token_id": 2, "pad_token_id": 0}  # fmt: skip
    eyes: dict[str, Any] = {**size, "patch_size": 8}
    images: Any
    if kind == "siglip2":
        eyes["num_patches"] = 16
        images = Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16)
        name = "Siglip2"
    elif kind == "siglip":
        eyes["image_size"] = 32
        images = SiglipImageProcessorPil(size={"height": 32, "width": 32})
        name = "Siglip"
    else:
        eyes["image_size"] = 32
        images = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
        name = "CLIP"
    given = {"projection_dim": DIM} if kind == "clip" else {}
    config: Any = getattr(transformers, f"{name}Config")(text_config=words, vision_config=eyes, **given)
    processor = getattr(transformers, f"{name}Processor")(images, tokenizer)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = getattr(transformers, f"{name}Model")(config)
    return saved(folder, model, processor, scale)
