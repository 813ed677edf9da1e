"""Tiny models that score a pair, built from their settings: no hub, a few hundred kilobytes, random weights."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from rag.retrievers.rerankers.relevancy import Relevancy

from tests.golden.checkpoints import made
from tests.golden.encoders import HashEncoder

WORDS = "Yes No yes no True False rain fell in September mm the gauge stands how much question passage answer"


def _tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(
        [WORDS] * 8,
        trainers.BpeTrainer(
            vocab_size=500, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<pad>", "<s>", "</s>", "<sep>"], show_progress=False,
        ),
    )  # fmt: skip
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe, pad_token="<pad>", bos_token="<s>", eos_token="</s>", sep_token="<sep>", cls_token="<s>"
    )


def _settings(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer), "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 4, "pad_token_id": 0,
    }  # fmt: skip


@cache
def causal() -> str:
    """A language model of words alone."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    folder, tokenizer = Path(mkdtemp(prefix="argus-")), _tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = LlamaConfig(**_settings(tokenizer), max_position_embeddings=4096, bos_token_id=1, eos_token_id=2)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for one in model.parameters():
            if one.ndim > 1:
                one.mul_(5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@cache
def classifier(labels: int = 1) -> str:
    """A cross-encoder of words."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.set_num_threads(1)
    folder, tokenizer = Path(mkdtemp(prefix="argus-")), _tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(2)
        config = BertConfig(**_settings(tokenizer), max_position_embeddings=128, num_labels=labels)
        model = BertForSequenceClassification(config)
    with torch.no_grad():
        for one in model.parameters():
            if one.ndim > 1:
                one.mul_(5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@cache
def seeing() -> str:
    """A model of words and pictures."""
    return str(made(Path(mkdtemp(prefix="argus-")) / "model", "llava"))


@cache
def head() -> str:
    """A relevancy head over `HashEncoder` that looks at the cosine alone."""
    folder, encoder = Path(mkdtemp(prefix="argus-")), HashEncoder()
    weights = [0.0] * (2 * encoder.dim) + [4.0]
    told = {"format": 1, "encoder": encoder.fingerprint, "dim": encoder.dim, "weights": weights, "bias": -1.0}
    (folder / "head.json").write_text(json.dumps(told))
    return str(folder)


def relevancy() -> Relevancy:
    return Relevancy(head(), encoder=HashEncoder())
