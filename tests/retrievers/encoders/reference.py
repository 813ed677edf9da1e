"""The encoder's forward pass in numpy float32, from the weights in the ONNX file."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import sqrt
from pathlib import Path
from typing import TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array: TypeAlias = NDArray[np.float32]
HEADS = 12


@cache
def weights(path: Path) -> dict[str, Array]:
    """Initialisers by name, int8 ones multiplied by their scales; matrices by the bias they precede."""
    graph = onnx.load(path).graph
    raw = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    found = {name: array for name, array in raw.items() if array.dtype == np.float32}
    for name, array in raw.items():
        if name.endswith("_q"):
            stem = name.removesuffix("_q")
            found[stem] = array.astype(np.float32) * raw[f"{stem}_scale"]
    made = {output: node for node in graph.node for output in node.output}
    for node in graph.node:
        if node.op_type == "Add" and any(name.endswith(".bias") for name in node.input):
            bias = next(name for name in node.input if name.endswith(".bias"))
            product = made[next(name for name in node.input if name != bias)]
            found[bias.removesuffix(".bias") + ".matrix"] = found[product.input[1]]
    return found


def encode(path: Path, ids: Sequence[int]) -> Array:
    """The unit vector of one text's ids."""
    w = weights(path)
    e = "inner.embeddings."
    x = w[f"{e}word_embeddings.weight"][list(ids)] + w[f"{e}position_embeddings.weight"][: len(ids)]
    x = _norm(x + w[f"{e}token_type_embeddings.weight"][0], w, f"{e}LayerNorm")
    for number in range(6):
        layer = f"inner.encoder.layer.{number}."
        q, k, v = (_heads(_linear(x, w, f"{layer}attention.self.{name}")) for name in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.float32(sqrt(q.shape[-1]))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = ((scores / scores.sum(-1, keepdims=True)) @ v).transpose(1, 0, 2).reshape(x.shape)
        x = _norm(x + _linear(mixed, w, f"{layer}attention.output.dense"), w, f"{layer}attention.output.LayerNorm")
        inner = _gelu(_linear(x, w, f"{layer}intermediate.dense"))
        x = _norm(x + _linear(inner, w, f"{layer}output.dense"), w, f"{layer}output.LayerNorm")
    mean = x.mean(0)
    unit: Array = mean / np.linalg.norm(mean)
    return unit


def _linear(x: Array, w: dict[str, Array], name: str) -> Array:
    product: Array = x @ w[f"{name}.matrix"] + w[f"{name}.bias"]
    return product


def _norm(x: Array, w: dict[str, Array], name: str) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-12))
    normed: Array = scaled * w[f"{name}.weight"] + w[f"{name}.bias"]
    return normed


def _heads(x: Array) -> Array:
    return x.reshape(len(x), HEADS, -1).transpose(1, 0, 2)


def _gelu(x: Array) -> Array:
    curved: Array = (0.5 * x * (1 + _erf(x / sqrt(2)))).astype(np.float32)
    return curved


def _erf(x: Array) -> NDArray[np.float64]:
    """Abramowitz and Stegun 7.1.26: right to 1.5e-7."""
    size = np.abs(x).astype(np.float64)
    t = 1 / (1 + 0.3275911 * size)
    tail = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    found: NDArray[np.float64] = np.sign(x) * (1 - tail * np.exp(-(size**2)))
    return found
