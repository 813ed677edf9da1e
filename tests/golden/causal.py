"""A tiny causal language model built from its settings: no hub, random weights, byte-level words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = "<html><body><div0><div1><p><h1><ul><li> The river is read at nine. Question HTML path text piece rain gauge"


def made(folder: Path, *, seed: int = 0, sliding: bool = False, positions: int = 8192) -> Path:
    """A checkpoint in `folder`, the same for the same arguments; `sliding` has a window of 16 tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    torch.set_num_threads(1)
    tokenizer = _tokenizer()
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": positions,
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    }  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model: Any = (
            MistralForCausalLM(MistralConfig(**sizes, sliding_window=16))
            if sliding
            else LlamaForCausalLM(LlamaConfig(**sizes))
        )
    with torch.no_grad():  # what is read shows in what comes out
        for name, one in model.named_parameters():
            if one.ndim > 1 and "embed" not in name:
                one.mul_(8.0)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"],
        show_progress=False,
    )  # fmt: skip
    bpe.train_from_iterator([WORDS] * 4, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<|end|>", eos_token="<|end|>", pad_token="<|end|>")
