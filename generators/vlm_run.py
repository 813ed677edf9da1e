"""Running a vision-language model token by token, so that it can be watched and stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from rag.answer import Settings
from rag.vlm import Opened


@dataclass(slots=True)
class Watch:
    """Looks at the text after each token: tells what is settled of it, and says when to stop.

    `until` is a reading of `time.monotonic`. After the run: `text` (cut before a stop word), `tokens`,
    and whether it was `late` or `ended` by itself.
    """

    decode: Callable[[Sequence[int]], str]
    prompt: int
    stop: tuple[str, ...] = ()
    until: float | None = None
    told: Callable[[str], None] = lambda text: None
    cancelled: Event = field(default_factory=Event)
    text: str = ""
    tokens: int = 0
    late: bool = False

    def __call__(self, ids: Any, scores: Any = None, **_: Any) -> Any:
        """A stopping criterion of transformers: (1, tokens so far) to (1,) of bool."""
        import torch

        return torch.tensor([self.look(ids[0, self.prompt :].tolist())], device=ids.device)

    def look(self, written: Sequence[int]) -> bool:
        """Take in the ids written so far; whether to stop."""
        self.tokens = len(written)
        text = self.decode(written)
        ends = [at for stop in self.stop if (at := text.find(stop)) >= 0]
        self.text = text[: min(ends)] if ends else text
        self.late = self.until is not None and time.monotonic() >= self.until
        done = bool(ends) or self.late or self.cancelled.is_set()
        self.told(self.text if done else settled(self.text, self.stop))
        return done


def settled(text: str, stop: Sequence[str]) -> str:
    """The part of a growing text that can no longer change: half a letter or half a stop word may."""
    text = text.rstrip("\N{REPLACEMENT CHARACTER}")
    for held in range(min(len(text), max(map(len, stop), default=0)), 0, -1):
        if any(one.startswith(text[-held:]) for one in stop):
            return text[:-held]
    return text


def run(model: Opened, read: dict[str, Any], settings: Settings, watch: Watch) -> None:
    """Write after what was read in, under a watch; greedy where `temperature` is 0.

    The same seed gives the same text on the same machine.
    """
    import torch

    drawn: dict[str, Any] = {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    if settings.temperature > 0:
        drawn = {"do_sample": True, "temperature": settings.temperature}
    cards = [model.device] if model.device.startswith("cuda") else []
    with torch.inference_mode(), torch.random.fork_rng(devices=cards):
        torch.manual_seed(settings.seed)
        model.model.generate(
            **read, **drawn, max_new_tokens=settings.max_tokens, stopping_criteria=[watch], num_beams=1,
            pad_token_id=model.tokenizer.pad_token_id,
        )  # fmt: skip


def read_in(model: Opened, prompt: str, pictures: Sequence[Any]) -> dict[str, Any]:
    """The tensors that the model takes, on its device; the prompt has a placeholder for each picture."""
    first = model.tokenizer.bos_token
    given: dict[str, Any] = {"return_tensors": "pt", "add_special_tokens": not (first and prompt.startswith(first))}
    if pictures:
        read = model.processor(text=[prompt], images=[list(pictures)], **given)
    else:
        read = model.tokenizer([prompt], **given)
    read = read.to(model.device)
    return {key: one.to(model.model.dtype) if one.is_floating_point() else one for key, one in read.items()}


def decoded(model: Opened, ids: Sequence[int]) -> str:
    """What was written, as text."""
    return str(model.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
