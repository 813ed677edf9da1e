"""Checkpoints that score a pair in one pass: the next word of a language model, or a classifier's logits.

Only classes that transformers itself has, weights as safetensors, nothing fetched. Each pair runs alone:
padding then moves no score.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from rag.checkpoint import Checkpoint, broken
from rag.errors import ConfigError, GenerationError
from rag.extras import extra
from rag.vlm import chat, chosen, harmless, opened

if TYPE_CHECKING:
    from PIL import Image as Pillow

PLACEHOLDER = "\x00picture\x00"
"""Where a picture stands in a prompt that is not yet in a checkpoint's own words."""
_FIELD = re.compile(r"\{(query|candidate|picture)\}")


def filled(template: str, query: str, candidate: str) -> str:
    """A template with {query}, {candidate} and {picture} (a `PLACEHOLDER`) put in.

    In one pass: what stands in a document is no placeholder of ours.
    """
    parts = {"query": query, "candidate": candidate, "picture": f"{PLACEHOLDER}\n"}
    return _FIELD.sub(lambda found: parts[found[1]], template)


class NextWord:
    """A causal language model of words, or of words and pictures, asked for the logits of its next token.

    With `head` "states" it has no head of words and is asked for the state of its last token alone.
    """

    def __init__(
        self, checkpoint: Checkpoint, device: str, dtype: str, head: Literal["words", "states"] = "words"
    ) -> None:
        self._name = checkpoint.name
        self.sees = any(key in checkpoint.config for key in ("vision_config", "vision_tower", "image_token_id"))
        if self.sees:
            model = opened(checkpoint, head, device, dtype)
            self.model, self._processor, self._device = model.model, model.processor, model.device
            self.tokenizer: Any = model.tokenizer
            self._picture = model.placeholder
        else:
            kind = "AutoModelForCausalLM" if head == "words" else "AutoModel"
            self.model, self.tokenizer, self._device = _text_model(checkpoint, kind, device, dtype)
            self._processor, self._picture = None, ""

    def logits(self, prompt: str, image: Pillow.Image | None) -> Any:
        """The logits of what comes after a user's turn, a tensor (vocabulary,); GenerationError where it fails."""
        import torch

        with torch.inference_mode():
            return self._run(prompt, image).logits[0, -1].float()

    def state(self, prompt: str, image: Pillow.Image | None) -> Any:
        """The last layer's state of the last token of a user's turn, a tensor (dim,), with gradients if they are on."""
        return self._run(prompt, image).last_hidden_state[0, -1].float()

    def _run(self, prompt: str, image: Pillow.Image | None) -> Any:
        with_picture = image is not None and self.sees
        text = prompt.replace(PLACEHOLDER, self._picture if with_picture else "")
        text = self._turn(text)
        try:
            if self._processor is not None:
                given: dict[str, Any] = {"text": [text], "return_tensors": "pt"}
                if with_picture:
                    given["images"] = [[image]]
                read = self._processor(**given)
            else:
                read = self.tokenizer(text, return_tensors="pt", add_special_tokens=False)
            return self.model(**{name: value.to(self._device) for name, value in read.items()})
        except (RuntimeError, ValueError, TypeError, LookupError, MemoryError) as error:
            raise GenerationError(f"the pair could not be scored: {str(error)[:300]}", model=self._name) from error

    def harmless(self, text: str) -> str:
        """Words of others without control tokens."""
        return harmless(text, self._processor or _Plain(self.tokenizer)).replace("\x00", "")

    def _turn(self, text: str) -> str:
        if not getattr(self._processor or self.tokenizer, "chat_template", None):
            return text
        if self._processor is not None:
            return chat(self._processor, [{"type": "text", "text": text}])
        turns = [{"role": "user", "content": text}]
        told: str = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        return told


class _Plain:
    """A tokenizer where a processor is expected."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer


class PairClassifier:
    """A cross-encoder: a sequence classifier that reads query and passage together."""

    def __init__(self, checkpoint: Checkpoint, device: str, dtype: str, max_tokens: int) -> None:
        self._name = checkpoint.name
        kind = "AutoModelForSequenceClassification"
        self._model, self._tokenizer, self._device = _text_model(checkpoint, kind, device, dtype)
        labels = int(self._model.config.num_labels)
        if labels not in (1, 2):
            raise ConfigError(
                f"{checkpoint.name}: a cross-encoder has 1 label, or 2 (no, yes), this one has {labels}", key="model"
            )
        limits = (max_tokens, getattr(self._model.config, "max_position_embeddings", max_tokens) or max_tokens)
        self._limit = min(limits)

    def scores(self, query: str, passages: Sequence[str]) -> list[float]:
        """A logit for each passage; of two labels, yes minus no."""
        import torch

        found = []
        try:
            for passage in passages:
                read = self._tokenizer(
                    query, passage, truncation="longest_first", max_length=self._limit, return_tensors="pt"
                ).to(self._device)
                with torch.inference_mode():
                    logits = self._model(**read).logits[0].float()
                found.append(float(logits[0] if len(logits) == 1 else logits[1] - logits[0]))
        except (RuntimeError, ValueError, TypeError, LookupError, MemoryError) as error:
            raise GenerationError(f"the pair could not be scored: {str(error)[:300]}", model=self._name) from error
        return found


def _text_model(checkpoint: Checkpoint, kind: str, device: str, dtype: str) -> tuple[Any, Any, str]:
    """(model, tokenizer, device) of a model of words."""
    with extra("vision"):
        import transformers

    place = chosen(device)
    number = dtype if dtype != "auto" or place.startswith("cuda") else "float32"
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    auto: Any = getattr(transformers, kind)
    tokenizers: Any = transformers.AutoTokenizer
    checkpoint.check_sizes(checkpoint.config)
    try:
        tokenizer = tokenizers.from_pretrained(checkpoint.folder, **local)
        model, told = auto.from_pretrained(
            checkpoint.folder, dtype=number, use_safetensors=True, output_loading_info=True, **local
        )
    except MemoryError:
        raise
    except Exception as error:  # transformers raises anything, from KeyError to its own
        what = " ".join(str(error).split())
        raise broken(checkpoint.name, f"transformers cannot open it ({type(error).__name__}: {what[:300]})") from error
    if lacking := sorted(told["missing_keys"]):
        raise broken(
            checkpoint.name, f"its weights lack {len(lacking)} tensors ({', '.join(lacking[:3])}), left random"
        )
    return model.to(place).eval().requires_grad_(False), tokenizer, place
