"""Tiny checkpoints of the families of late interaction, built from their settings: no hub, random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tests.golden.checkpoints import ROWS_AND_COLUMNS, TILES, saved, tokenizer_of

Late = Literal["colpali", "colqwen2", "colqwen2_5", "colmodernvbert"]
LATE: tuple[Late, ...] = ("colpali", "colqwen2", "colqwen2_5", "colmodernvbert")
DIM = 16
_WORDS = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}


def late(folder: Path, kind: Late, *, seed: int = 0, scale: float = 3.0, local: bool = False) -> Path:
    """A checkpoint of that kind in `folder`; the same for the same arguments.

    With `local` what a patch shows drowns what the others and its position add to its vector.

    `colpali`: 28 x 28 pixels, 2 x 2 patches. `colqwen2` and `colqwen2_5`: patches of 8 x 8, four a token, up to
    16 tokens. `colmodernvbert`: tiles of 32 x 32 pixels, 2 x 2 tokens each.
    """
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, processor = {"colpali": _colpali, "colmodernvbert": _colmodernvbert}.get(kind, _colqwen)(kind)
        for name, one in model.named_parameters() if local else ():
            one.data.mul_(30.0 if "patch_embed" in name else 0.1 if "position_embed" in name else 1.0)
    return saved(folder, model, processor, scale)


def _colpali(_: str) -> Any:
    from transformers import ColPaliConfig, ColPaliForRetrieval, ColPaliProcessor
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    tokenizer = tokenizer_of(["<pad>", "<bos>", "<eos>", "<image>"])
    images = SiglipImageProcessorPil(size={"height": 28, "width": 28})
    images.image_seq_length = 4
    processor = ColPaliProcessor(images, tokenizer)
    size = len(processor.tokenizer)
    config = ColPaliConfig(
        vlm_config={
            "model_type": "paligemma",
            "text_config": {"model_type": "gemma", **_WORDS, "num_key_value_heads": 1, "head_dim": 8,
                            "vocab_size": size, "pad_token_id": 0},
            "vision_config": {"model_type": "siglip_vision_model", **_WORDS, "image_size": 28, "patch_size": 14,
                              "vision_use_head": False},
            "image_token_index": processor.image_token_id, "projection_dim": 32, "hidden_size": 32,
            "vocab_size": size,
        },
        embedding_dim=DIM,
    )  # fmt: skip
    return ColPaliForRetrieval(config), processor


def _colqwen(kind: str) -> Any:
    from transformers import ColQwen2Config, ColQwen2ForRetrieval, ColQwen2Processor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>", "<|vision_start|>", "<|vision_end|>",
             "<|video_pad|>"]  # fmt: skip
    tokenizer = tokenizer_of(names)
    images = Qwen2VLImageProcessorPil(
        patch_size=8, merge_size=2, temporal_patch_size=2,
        size={"shortest_edge": 16 * 16, "longest_edge": 16 * 16 * 16},
    )  # fmt: skip
    processor = ColQwen2Processor(images, tokenizer)
    ids = dict(zip(names, tokenizer.convert_tokens_to_ids(names), strict=True))
    rotary = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    words = {**_WORDS, "num_key_value_heads": 2, "vocab_size": len(tokenizer), "rope_parameters": rotary,
             "bos_token_id": 1, "eos_token_id": 2}  # fmt: skip
    eyes: dict[str, Any] = {"depth": 2, "num_heads": 4, "patch_size": 8, "spatial_merge_size": 2}
    if kind == "colqwen2":
        eyes |= {"embed_dim": 32, "hidden_size": 32}
    else:
        eyes |= {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 64, "fullatt_block_indexes": [1],
                 "window_size": 32}  # fmt: skip
    inner = "qwen2_vl" if kind == "colqwen2" else "qwen2_5_vl"
    config = ColQwen2Config(
        vlm_config={
            "model_type": inner, "text_config": {"model_type": f"{inner}_text", **words}, "vision_config": eyes,
            "image_token_id": ids["<|image_pad|>"], "video_token_id": ids["<|video_pad|>"],
            "vision_start_token_id": ids["<|vision_start|>"], "vision_end_token_id": ids["<|vision_end|>"],
        },
        embedding_dim=DIM,
    )  # fmt: skip
    return ColQwen2ForRetrieval(config), processor


def _colmodernvbert(_: str) -> Any:
    from transformers import ColModernVBertConfig, ColModernVBertForRetrieval, ColModernVBertProcessor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    tokenizer = tokenizer_of(["<pad>", "<|begin_of_text|>", "<|end_of_text|>", "<image>", *TILES, *ROWS_AND_COLUMNS])
    images = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = ColModernVBertProcessor(images, tokenizer, image_seq_len=4)
    size = len(processor.tokenizer)
    config = ColModernVBertConfig(
        vlm_config={
            "model_type": "modernvbert", "image_token_id": processor.image_token_id, "pixel_shuffle_factor": 2,
            "text_config": {"model_type": "modernbert", **_WORDS, "vocab_size": size, "pad_token_id": 0,
                            "global_attn_every_n_layers": 2},
            "vision_config": {"model_type": "siglip_vision_model", **_WORDS, "image_size": 32, "patch_size": 8},
        },
        embedding_dim=DIM,
    )  # fmt: skip
    return ColModernVBertForRetrieval(config), processor
