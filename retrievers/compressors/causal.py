"""A causal language model as the judge of block paths (HtmlRAG, step 2)."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from rag.checkpoint import broken, checkpoint
from rag.errors import ConfigError
from rag.extras import extra

from .trie import scores

PROMPT = (
    "**HTML**: ```{html}```\n**Question**: **{question}**\n Your task is to identify the most relevant text piece to "
    "the given question in the HTML document. This text piece could either be a direct paraphrase to the fact, or a "
    "supporting evidence that can be used to infer the fact. The overall length of the text piece should be more than "
    "20 words and less than 300 words. You should provide the path to the text piece in the HTML document. An example "
    "for the output is: <html1><body><div2><p>Some key information..."
)
"""That of the paper (figure 4) and of the training data; the released inference code has another."""


class PathScorer:
    """Scores paths of tags under a question and a page, by any causal model that transformers has.

    `model` is a folder or a hub name in this machine's cache. `reuse` keeps the keys and values of
    what two calls have in common; models whose cache cannot be shortened read all anew each time.
    The logits are those of the last position: the released code takes the first, so that its scores
    depend neither on the question nor on the page. Needs the extra `vision` (torch, transformers).
    """

    def __init__(self, model: str, revision: str = "", device: str = "cpu", reuse: bool = True) -> None:
        self.model = model
        self.revision = revision
        self.device = device
        self.reuse = reuse
        self.calls = 0
        """Calls of the model for the last page."""
        self._lock = Lock()
        self._opened: tuple[Any, Any] | None = None

    def score(self, question: str, html: str, paths: Sequence[str]) -> list[float]:
        """log P of each path; 0 for all calls no model where there is but one path."""
        model, tokenizer = self._open()
        tokens = [tokenizer.encode(path, add_special_tokens=False) for path in paths]
        prompt = self._prompt(tokenizer, PROMPT.format(html=html, question=question))
        longest = len(prompt) + max(map(len, tokens), default=0)
        limit = getattr(model.config, "max_position_embeddings", None)
        if isinstance(limit, int) and longest > limit:
            raise ConfigError(
                f"{self.model} reads {limit} tokens, the page and its paths have {longest}: give the embedding step "
                "a smaller budget (coarse)",
                key="coarse",
            )
        with self._lock:
            reader = _Reader(model, prompt, self.device, self.reuse)
            found = scores(tokens, reader.logits)
            self.calls = reader.calls
        return found

    @staticmethod
    def _prompt(tokenizer: Any, text: str) -> list[int]:
        if tokenizer.chat_template:
            turn = [{"role": "user", "content": text}]
            text = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
            return list(tokenizer.encode(text, add_special_tokens=False))
        return list(tokenizer.encode(text))

    def _open(self) -> tuple[Any, Any]:
        with self._lock:
            if self._opened is None:
                self._opened = self._load()
        return self._opened

    def _load(self) -> tuple[Any, Any]:
        found = checkpoint(self.model, self.revision)
        found.check_sizes(found.config)
        with extra("vision"):
            import transformers
        local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            tokenizer: Any = transformers.AutoTokenizer.from_pretrained(found.folder, **local)
            kind: Any = transformers.AutoModelForCausalLM
            model, told = kind.from_pretrained(
                found.folder, dtype="float32", use_safetensors=True, output_loading_info=True, **local
            )
            model = model.to(self.device).eval().requires_grad_(False)
        except MemoryError:
            raise
        except Exception as error:  # transformers raises anything, from KeyError to its own
            raise broken(self.model, f"transformers cannot open it as a causal language model ({error})") from error
        if lacking := sorted(map(str, told["missing_keys"])):
            raise broken(self.model, f"its weights lack {', '.join(lacking[:3])}, which would be left random")
        return model, tokenizer


class _Reader:
    """Reads prompt and path, keeping what the next call can use."""

    def __init__(self, model: Any, prompt: list[int], device: str, reuse: bool) -> None:
        self._model = model
        self._prompt = prompt
        self._device = device
        self._reuse = reuse
        self._cache: Any = None
        self._read: list[int] = []
        self.calls = 0

    def logits(self, prefix: Sequence[int], following: Sequence[int]) -> list[float]:
        """Logits of the tokens that may follow prompt and prefix."""
        import torch

        wanted = [*self._prompt, *prefix]
        shared = self._shorten(wanted)
        self.calls += 1
        with torch.inference_mode():
            out = self._model(
                input_ids=torch.tensor([wanted[shared:]], device=self._device),
                past_key_values=self._cache, use_cache=self._reuse, logits_to_keep=1,
            )  # fmt: skip
            last = out.logits[0, -1, torch.tensor(list(following), device=self._device)]
        if self._reuse:
            self._cache, self._read = out.past_key_values, wanted
        return [float(value) for value in last.float().tolist()]

    def _shorten(self, wanted: list[int]) -> int:
        """Tokens of `wanted` that are in the cache, what else is in it taken out; one is always left to read."""
        if self._cache is None:
            return 0
        if not _croppable(self._cache):
            self._cache, self._read = None, []
            return 0
        most = min(len(self._read), len(wanted) - 1)
        shared = next((at for at in range(most) if self._read[at] != wanted[at]), most)
        if shared == 0:
            self._cache = None
        elif shared < len(self._read):
            self._cache.crop(shared - len(self._read))
        return shared


def _croppable(cache: Any) -> bool:
    """Does every layer keep all that was read? Sliding windows and states of other kinds do not."""
    from transformers.cache_utils import DynamicLayer

    layers: list[Any] = getattr(cache, "layers", None) or []
    return bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
