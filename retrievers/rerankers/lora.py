"""Training of low-rank adapters and a scalar head together, on triples, so that it can be stopped and gone on with.

The loss of RAG-Check (Mortaheb et al. 2025, arXiv 2501.03995): BCE(sigmoid(z(context, matching)), 1) +
BCE(sigmoid(z(context, other)), 0), by AdamW. Everything follows from the seed and the step, so a run that was
stopped ends in the same numbers as one that was not.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.document import Chunk

from .states import Pairs, StatesHead

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STATE = "training.safetensors"
PROGRESS = "training.json"
SAVE_EVERY = 20
"""Steps between two savings."""


@dataclass(frozen=True, slots=True)
class Course:
    """How it is trained: triples a step, rounds over all, learning rates of adapters and head, rank, seed."""

    rank: int = 8
    epochs: int = 2
    batch: int = 4
    rate: float = 2e-4
    head_rate: float = 1e-3
    seed: int = 0
    warmup: int = 10

    def __post_init__(self) -> None:
        if min(self.rank, self.epochs, self.batch) < 1 or min(self.rate, self.head_rate) <= 0:
            raise ValueError("rank, epochs and batch are at least 1, rates above 0")

    def steps(self, triples: int) -> int:
        return self.epochs * -(-triples // self.batch)


def trained(
    pairs: Pairs, head: StatesHead, triples: Sequence[tuple[Chunk, str, str]], course: Course, keep: Path | None = None,
    about: str = "", progress: Callable[[int, int], None] | None = None,
) -> StatesHead:  # fmt: skip
    """The head with adapters, trained on (context, matching, other); `pairs` has them put in afterwards.

    It starts from `head`, which was fitted on the model as it is. With the folder `keep` the state is saved there
    every few steps, and a run with the same `about` goes on from it.
    """
    import torch

    device = next(pairs.words.model.parameters()).device
    parameters = pairs.adapt(course.rank)
    weights = torch.nn.Parameter(torch.from_numpy(head.weights.copy()).to(device))
    bias = torch.nn.Parameter(torch.tensor([head.bias], dtype=torch.float32, device=device))
    mean, scale = (torch.from_numpy(one).to(device) for one in (head.mean, head.scale))
    named = {**parameters, "head.weights": weights, "head.bias": bias}
    optimiser = torch.optim.AdamW(
        [
            {"params": list(parameters.values()), "lr": course.rate, "most": course.rate},
            {"params": [weights, bias], "lr": course.head_rate, "most": course.head_rate},
        ],
        weight_decay=0.01,
    )
    total = course.steps(len(triples))
    first = _resumed(keep, about, named, optimiser) if keep else 0

    def z(question: str, context: Chunk) -> Any:
        return ((pairs.state(question, context) - mean) / scale) @ weights + bias[0]

    order = _order(len(triples), course)
    for step in range(first, total):
        for group in optimiser.param_groups:
            group["lr"] = group["most"] * min(1.0, (step + 1) / course.warmup) * (1 - step / total)
        batch = order[step]
        optimiser.zero_grad()
        for at in batch:
            context, matching, other = triples[at]
            for question, sign in ((matching, 1.0), (other, -1.0)):  # one at a time: memory of one pair
                loss = torch.nn.functional.softplus(-sign * z(question, context)) / len(batch)
                loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(list(named.values()), 1.0)
        optimiser.step()
        if keep and (step + 1) % SAVE_EVERY == 0 and step + 1 < total:
            _save(keep, about, step + 1, named, optimiser)
        if progress:
            progress(step + 1, total)
    for one in parameters.values():
        one.requires_grad_(False)
    return replace(
        head, weights=_numbers(weights), bias=float(bias.detach()[0]), rank=course.rank,
        adapters={name: _numbers(one) for name, one in parameters.items()},
    )  # fmt: skip


def _order(count: int, course: Course) -> list[list[int]]:
    """The triples of each step."""
    import numpy as np

    found: list[list[int]] = []
    for epoch in range(course.epochs):
        shuffled = np.random.default_rng([course.seed, epoch]).permutation(count).tolist()
        found += [shuffled[at : at + course.batch] for at in range(0, count, course.batch)]
    return found


def _numbers(parameter: Any) -> NDArray[np.float32]:
    numbers: NDArray[np.float32] = parameter.detach().float().cpu().numpy().copy()
    return numbers


def _save(keep: Path, about: str, step: int, named: Mapping[str, Any], optimiser: Any) -> None:
    """Parameters and the optimiser's moments; the JSON comes last, and names the step of both."""
    from safetensors.torch import save_file

    tensors = {f"value.{name}": one.detach().cpu().contiguous() for name, one in named.items()}
    for name, one in named.items():
        for part in ("exp_avg", "exp_avg_sq"):
            tensors[f"{part}.{name}"] = optimiser.state[one][part].cpu().contiguous()
    keep.mkdir(parents=True, exist_ok=True)
    fresh = keep / f"{STATE}.{step}"
    save_file(tensors, fresh)
    told = keep / f"{PROGRESS}.new"
    told.write_text(json.dumps({"about": about, "step": step, "state": fresh.name}), encoding="utf-8")
    told.replace(keep / PROGRESS)
    for old in keep.glob(f"{STATE}.*"):
        if old != fresh:
            old.unlink()


def _resumed(keep: Path, about: str, named: Mapping[str, Any], optimiser: Any) -> int:
    """The step to go on from, with parameters and moments read back; 0 where nothing of the kind was begun."""
    import torch
    from safetensors.torch import load_file

    try:
        told = json.loads((keep / PROGRESS).read_text(encoding="utf-8"))
        if told["about"] != about:
            return 0
        tensors = load_file(keep / Path(str(told["state"])).name)
        step = int(told["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0
    with torch.no_grad():
        for name, one in named.items():
            one.copy_(tensors[f"value.{name}"])
            optimiser.state[one] = {
                "step": torch.tensor(float(step)),
                "exp_avg": tensors[f"exp_avg.{name}"].to(one.device),
                "exp_avg_sq": tensors[f"exp_avg_sq.{name}"].to(one.device),
            }
    return step
