"""Poolings of a clip's frames against their equations, X-Pool against torch, and VideoRAG's fusion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.clips import Pooling, XPool, cosine, fused

from rag.errors import SourceError

DIM = 16


def vectors(count: int, seed: int, dim: int = DIM, unit: bool = True) -> Any:
    drawn = np.random.default_rng(seed).standard_normal((count, dim))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True) if unit else drawn


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(0, 999), st.sampled_from([0.01, 0.3, 3.0]))
def test_the_equations(count: int, seed: int, temperature: float) -> None:
    frames, (question,) = vectors(count, seed), vectors(1, seed + 1)
    similar = [float(question @ one) for one in frames]
    raised = [np.exp((one - max(similar)) / temperature) for one in similar]
    weights = [one / sum(raised) for one in raised]
    for kind in ("softmax", "gim"):
        pooled, told = Pooling(kind, temperature)(question, frames)  # type: ignore[arg-type]
        assert told == pytest.approx(weights, abs=1e-9)
        assert pooled == pytest.approx(sum(w * f for w, f in zip(weights, frames, strict=True)), abs=1e-9)
    assert Pooling("mean")(question, frames)[0] == pytest.approx(frames.mean(axis=0))
    best = sorted(range(count), key=lambda n: -similar[n])[:2]
    assert Pooling("topk", k=2)(question, frames)[0] == pytest.approx(frames[best].sum(axis=0))


@pytest.mark.parametrize("how", [Pooling("mean"), Pooling("topk"), Pooling(), XPool.identity(DIM)])
def test_frames_that_are_masked_are_as_if_not_there(how: Any) -> None:
    frames, (question,) = vectors(6, 1), vectors(1, 2)
    mask = [True, False, True, True, False, True]
    pooled, weights = how(question, frames, mask)
    assert pooled == pytest.approx(how(question, frames[mask])[0])
    assert weights[[1, 4]].tolist() == [0, 0]


def test_gim_takes_the_mask_after_the_softmax() -> None:
    frames, (question,) = vectors(4, 1), vectors(1, 2)
    _, whole = Pooling("gim", 3.0)(question, frames)
    _, part = Pooling("gim", 3.0)(question, frames, [True, True, False, True])
    assert part == pytest.approx(whole * [1, 1, 0, 1])
    _, scaled = Pooling("gim", 0.05, unit=True)(question, 10 * frames)
    assert scaled == pytest.approx(Pooling("softmax", 0.05)(question, frames)[1])


def test_cold_is_the_nearest_and_hot_the_mean() -> None:
    frames, (question,) = vectors(7, 3), vectors(1, 4)
    nearest = int((frames @ question).argmax())
    assert Pooling("softmax", 1e-5)(question, frames)[0] == pytest.approx(frames[nearest])
    assert Pooling("softmax", 1e9)(question, frames)[0] == pytest.approx(frames.mean(axis=0))


def test_one_frame_of_twelve_is_found() -> None:
    """Spec: at least 80 points above the mean, 500 clips of 12 frames, of which one answers."""
    random = np.random.default_rng(0)
    questions = vectors(500, 1, 64)
    clips = random.standard_normal((500, 12, 64))
    clips[np.arange(500), random.integers(0, 12, 500)] = questions * 8 + 0.75 * random.standard_normal((500, 64)) * 1.2
    clips /= np.linalg.norm(clips, axis=2, keepdims=True)

    def recall(how: Pooling) -> float:
        hits = [int(how.score(questions[n], list(clips)).argmax() == n) for n in range(0, 500, 25)]
        return 100 * sum(hits) / len(hits)

    assert recall(Pooling()) >= recall(Pooling("mean")) + 80


# --- X-Pool ---------------------------------------------------------------------------------------------


def released(dim: int, seed: int) -> Any:
    """The module in torch, as the spec gives it, with random weights."""
    import torch
    from torch import nn

    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cross_attn = nn.Module()
            for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                setattr(self.cross_attn, name, nn.Linear(dim, dim))
            self.linear_proj = nn.Linear(dim, dim)
            self.layer_norm1, self.layer_norm2, self.layer_norm3 = (nn.LayerNorm(dim) for _ in range(3))

        def forward(self, text: Any, frames: Any) -> Any:
            text, frames, attn = self.layer_norm1(text), self.layer_norm1(frames), self.cross_attn
            similar = attn.k_proj(frames) @ attn.q_proj(text) / dim**0.5
            out = self.layer_norm2(attn.out_proj(torch.softmax(similar, 0) @ attn.v_proj(frames)))
            return self.layer_norm3(out + self.linear_proj(out))

    torch.manual_seed(seed)
    module = Module()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4)
    return module


def test_loaded_weights_give_what_torch_gives(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    module = released(DIM, 3)
    save_file({f"pool.{name}": value for name, value in module.state_dict().items()}, tmp_path / "x.safetensors")
    ours = XPool.load(tmp_path / "x.safetensors", "pool.")
    unsaid = XPool.load(tmp_path / "x.safetensors")
    assert all(np.array_equal(unsaid.weights[name], one) for name, one in ours.weights.items())
    for seed in range(5):
        frames, (question,) = vectors(9, seed, unit=False), vectors(1, seed + 50, unit=False)
        with torch.no_grad():
            told = module(torch.tensor(question, dtype=torch.float32), torch.tensor(frames, dtype=torch.float32))
        assert np.abs(ours(question, frames)[0] - told.numpy()).max() < 1e-5


def test_untrained_attention() -> None:
    pool = XPool.identity(DIM)
    frames, (question, other) = vectors(5, 1), vectors(2, 2)
    order = [3, 1, 4, 0, 2]
    assert pool(question, frames[order])[0] == pytest.approx(pool(question, frames)[0])
    assert pool(question, frames)[1].sum() == pytest.approx(1)
    assert pool(question, frames[:1])[0] == pytest.approx(pool(other, frames[:1])[0])
    assert np.abs(pool(question, frames)[0] - pool(other, frames)[0]).max() > 1e-3


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    made = {name: value.astype(np.float32) for name, value in XPool.identity(4).weights.items()}
    made.pop("linear_proj.bias")
    made["cross_attn.v_proj.weight"] = np.zeros((4, 3), np.float32)
    save_file(made, tmp_path / "x.safetensors")
    with pytest.raises(SourceError, match=r"cross_attn\.v_proj\.weight, linear_proj\.bias"):
        XPool.load(tmp_path / "x.safetensors")
    (tmp_path / "y.safetensors").write_bytes(b"no")
    with pytest.raises(SourceError, match="no safetensors file"):
        XPool.load(tmp_path / "y.safetensors")


# --- fusion ------------------------------------------------------------------------------------------------


def test_fusion_of_frames_and_transcript() -> None:
    visual, textual = 3 * vectors(1, 1)[0], 0.2 * vectors(1, 2)[0]
    (question,) = vectors(1, 3)
    assert fused(visual, textual, 0.0) == pytest.approx(vectors(1, 1)[0])
    assert fused(visual, textual, 1.0) == pytest.approx(vectors(1, 2)[0])
    score = float(question @ fused(visual, textual, 0.6))
    assert score == pytest.approx(0.6 * cosine(question, textual) + 0.4 * cosine(question, visual))
    assert np.linalg.norm(fused(visual, textual, 0.6)) < 0.99
    assert np.linalg.norm(fused(visual, textual, 0.6, renormalise=True)) == pytest.approx(1)
    assert fused(None, textual) == pytest.approx(vectors(1, 2)[0])
    assert fused(visual, None) == pytest.approx(vectors(1, 1)[0])
    with pytest.raises(ValueError, match="alpha"):
        fused(visual, textual, 1.2)
    with pytest.raises(ValueError, match="frames or a transcript"):
        fused(None, None)


def test_bad_input_is_refused() -> None:
    frames, (question,) = vectors(3, 1), vectors(1, 2)
    with pytest.raises(ValueError, match="a frame at least"):
        Pooling()(question, frames, [False] * 3)
    with pytest.raises(ValueError, match="frames"):
        Pooling()(question[:3], frames)
    with pytest.raises(ValueError, match="a frame at least"):
        Pooling()(question, frames[:0])
    with pytest.raises(ValueError, match="gim"):
        Pooling("best")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="temperature"):
        Pooling(temperature=0)
