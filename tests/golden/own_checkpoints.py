"""Tiny checkpoints whose class is Python code of their own, with the calling interfaces of published weights.

`pages` is called as openbmb/VisRAG-Ret is, `universal` as nvidia/MM-Embed, `ordinary` as any model of
transformers. Importing one of their files leaves a line in `ran` beside the folder: what ran, and how often.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from tests.golden.checkpoints import made, tokenizer_of

Own = Literal["pages", "universal", "ordinary"]
DIM = 24

CONFIGURATION = """
from transformers import PreTrainedConfig


class TinyConfig(PreTrainedConfig):
    model_type = "tiny_own"

    def __init__(self, hidden_size=24, vocab_size=1000, retriever="", **kwargs):
        self.hidden_size = hidden_size
        self.vocab_size = vocab_size
        self.retriever = retriever
        super().__init__(**kwargs)
"""

EYES = '''
import torch


class Eyes(torch.nn.Module):
    """Four tokens of a picture, one a quarter."""

    def __init__(self, size):
        super().__init__()
        self.seen = torch.nn.Linear(3, size)

    def forward(self, picture):
        small = picture.convert("RGB").resize((2, 2))
        shades = [[part / 255 for part in small.getpixel((x, y))] for y in (0, 1) for x in (0, 1)]
        return self.seen(torch.tensor(shades))
'''

STATES = '''
def states(model, ids, picture):
    """Causal hidden states (tokens, dim): each sees the mean of those up to it."""
    import torch

    read = model.words(torch.tensor(ids, dtype=torch.long))
    if picture is not None:
        read = torch.cat([model.eyes(picture), read])
    count = torch.arange(1, len(read) + 1)[:, None]
    return torch.tanh(model.mix(read.cumsum(0) / count + read))


def padded(rows):
    import torch

    mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(row)) for row in rows], batch_first=True)
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True), mask
'''

PAGES = """
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from .configuration_tiny import TinyConfig
from .eyes import Eyes


@dataclass
class Output(ModelOutput):
    last_hidden_state: torch.Tensor = None
    attention_mask: torch.Tensor = None


class TinyRet(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        self.words = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.eyes = Eyes(config.hidden_size)
        self.mix = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.post_init()

    def forward(self, text, image, tokenizer, vision_hidden_states=None, max_inp_length=2048, **kwargs):
        from .states import padded, states

        rows = []
        for words, picture in zip(text, image, strict=True):
            ids = tokenizer("\\n" + words if picture is not None else words)["input_ids"][:max_inp_length]
            rows.append(states(self, ids, picture))
        hidden, mask = padded(rows)
        return Output(last_hidden_state=hidden, attention_mask=mask)
"""

UNIVERSAL = """
import torch
from transformers import AutoConfig, AutoTokenizer, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from .configuration_tiny import TinyConfig
from .eyes import Eyes


class TinyEmbed(PreTrainedModel):
    config_class = TinyConfig

    def __init__(self, config):
        super().__init__(config)
        if config.retriever:
            AutoConfig.from_pretrained(config.retriever, trust_remote_code=True)
        self.words = torch.nn.Embedding(config.vocab_size, config.hidden_size)
        self.eyes = Eyes(config.hidden_size)
        self.mix = torch.nn.Linear(config.hidden_size, config.hidden_size)
        self.tokenizer = AutoTokenizer.from_pretrained(config._name_or_path)
        self.post_init()

    @torch.no_grad()
    def encode(self, inputs, is_query=False, instruction=None, max_length=512, query_prefix="Query: "):
        from .states import padded, states

        template = "<image>\\n<text>"
        if is_query:
            template = query_prefix + template
            if instruction is not None:
                template = f"Instruct: {instruction}\\n" + template
        rows, left_out = [], []
        for one in inputs:
            prompt = template if "img" in one else template.replace("<image>\\n", "")
            prompt = prompt.replace("<text>", one["txt"] if one.get("txt") is not None else "")
            before = prompt.split("\\n" + query_prefix)[0] if "\\n" + query_prefix in prompt else ""
            left_out.append(len(self.tokenizer(before)["input_ids"]))
            rows.append(states(self, self.tokenizer(prompt)["input_ids"][:max_length], one.get("img")))
        hidden, mask = padded(rows)
        for row, count in enumerate(left_out):
            mask[row, :count] = 0
        embeds = 3 * (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        return BaseModelOutput(hidden_states=embeds)


AutoConfig.register("tiny_own", TinyConfig, exist_ok=True)
"""

ORDINARY = """
from transformers import AutoConfig, LlavaConfig, LlavaModel


class OwnConfig(LlavaConfig):
    model_type = "own_llava"


class OwnModel(LlavaModel):
    config_class = OwnConfig


AutoConfig.register("own_llava", OwnConfig, exist_ok=True)
"""


def own(folder: Path, kind: Own, **settings: Any) -> Path:
    """A checkpoint of that kind in `folder`, its files marked so that running one shows; the same each time."""
    if kind == "ordinary":
        _as_it_is(made(folder, "llava"))
        files = {"modeling_own.py": ORDINARY}
        auto_map = {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
        settings = {**json.loads((folder / "config.json").read_text(encoding="utf-8")), "model_type": "own_llava"}
    else:
        body, name = (PAGES, "TinyRet") if kind == "pages" else (UNIVERSAL, "TinyEmbed")
        files = {"configuration_tiny.py": CONFIGURATION, "modeling_tiny.py": body,
                 "eyes.py": EYES, "states.py": STATES}  # fmt: skip
        auto_map = {"AutoConfig": "configuration_tiny.TinyConfig", "AutoModel": f"modeling_tiny.{name}"}
        tokenizer = tokenizer_of(["<pad>", "<bos>", "<eos>", "<image>"])
        tokenizer.save_pretrained(folder)
        settings = {"model_type": "tiny_own", "hidden_size": DIM, "vocab_size": len(tokenizer), **settings}
        _weights(folder, len(tokenizer))
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(marking(folder, file) + text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps({**settings, "auto_map": auto_map}), encoding="utf-8")
    return folder


def marking(folder: Path, file: str) -> str:
    """A line of Python that tells in `ran` that a file was run."""
    return f"open({str(folder.parent / 'ran')!r}, 'a').write({file!r} + '\\n')\n"


def ran(folder: Path) -> list[str]:
    """Which files beside a checkpoint were run, in order."""
    file = folder.parent / "ran"
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


def _as_it_is(folder: Path) -> None:
    """The weights under the names that the class has, without transformers' table of older names."""
    from safetensors.torch import save_file
    from transformers import AutoModel

    state = AutoModel.from_pretrained(folder).state_dict()
    save_file({name: one.clone() for name, one in state.items()}, folder / "model.safetensors", {"format": "pt"})


def _weights(folder: Path, words: int) -> None:
    import numpy as np
    from safetensors.numpy import save_file

    random = np.random.default_rng(0)
    shapes = {"words.weight": (words, DIM), "eyes.seen.weight": (DIM, 3), "eyes.seen.bias": (DIM,),
              "mix.weight": (DIM, DIM), "mix.bias": (DIM,)}  # fmt: skip
    tensors = {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
