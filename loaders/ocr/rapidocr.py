"""OCR by PP-OCRv6 small (PaddlePaddle, Apache-2.0), run by OpenVINO through RapidOCR.

Text is detected by differentiable binarisation (DB, Liao et al. 2020), each line is turned upright
by a classifier and read by a recogniser trained with CTC. Weights come inside the package; they are
named by path and checked by sha256, so that nothing is ever fetched. The numbers are those of the
package but for a limit of 1536 pixels on the side that is searched for lines, one line a batch (so
that a line's text does not depend on its neighbours), and a higher least confidence. OpenVINO, which the
plain install has, gives the words of onnxruntime in two thirds of its processor time (docs/loaders-pdf.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rag.document import Box
from rag.errors import ConfigError, MissingExtra
from rag.extras import extra
from rag.identity import file_digest
from rag.protocols import Recognised

from .filtering import legible
from .picture import decoded

MODELS = {
    "Det": ("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"),
    "Cls": (
        "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    ),
    "Rec": ("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"),
}
SEARCHED_SIDE = 1536
MAX_PIXELS = 4_000_000
_SIZE = 0.75
"""Of type, as a share of the height of the outline that is found around it."""


class RapidOCR:
    """A Recogniser. Lines below `min_confidence` (0 to 1) are left out; weights load at the first picture.

    `threads` are processor threads of one picture. A picture of more than four million pixels is
    made smaller: an A4 page then has 170 dpi.
    """

    def __init__(self, *, min_confidence: float = 0.75, threads: int = 1) -> None:
        if not 0 <= min_confidence <= 1:
            raise ValueError(f"min_confidence is 0 to 1, got {min_confidence}")
        if threads < 1:
            raise ValueError(f"threads is at least 1, got {threads}")
        self.min_confidence = min_confidence
        self.threads = threads

    def available(self) -> bool:
        """Whether its libraries are installed; imports none of them."""
        return all(find_spec(module) for module in ("rapidocr", "openvino"))

    @property
    def fingerprint(self) -> str:
        """Package, weights and options; "" where they are not installed."""
        if not self.available():
            return ""
        try:
            release = version("rapidocr")
        except PackageNotFoundError:
            return ""
        return f"rapidocr-{release}.openvino.{MODELS['Rec'][1][:12]}.{SEARCHED_SIDE}.{self.min_confidence:g}"

    def recognise(self, images: Sequence[bytes]) -> list[list[Recognised]]:
        """For each picture its lines, with boxes of words, in no particular order.

        Raises MissingExtra where the libraries are not installed, ConfigError for other weights,
        SourceError for what is no picture.
        """
        return [legible(self._lines(image), self.min_confidence) for image in images]

    def _lines(self, data: bytes) -> list[Recognised]:
        import numpy as np

        image = decoded(data, MAX_PIXELS)
        if image is None:
            return []
        pixels = np.asarray(image)[:, :, ::-1]  # the models were trained on BGR
        found = _loaded(self.threads)(np.ascontiguousarray(pixels), return_word_box=True, text_score=0.0)
        texts, boxes, scores = (getattr(found, name, None) for name in ("txts", "boxes", "scores"))
        if texts is None or boxes is None or scores is None:
            return []
        pieces = getattr(found, "word_results", None) or ()
        if len(pieces) != len(texts):
            pieces = ((),) * len(texts)
        size = image.size
        lines = zip(texts, boxes, scores, pieces, strict=True)
        return [_line(str(text), box, float(score), words, size) for text, box, score, words in lines]


def _line(text: str, corners: Any, score: float, pieces: Any, size: tuple[int, int]) -> Recognised:
    text = " ".join(text.split())
    return Recognised(text, _box(corners, size), score, _words(text, pieces, size), _size(corners) / size[1])


def _size(corners: Any) -> float:
    """The size of a line's type in pixels, from the length of the shorter side of its outline."""
    sides = [math.dist(corners[at], corners[at - 1]) for at in range(4)]
    return _SIZE * min(sides[0] + sides[2], sides[1] + sides[3]) / 2


def _words(text: str, pieces: Any, size: tuple[int, int]) -> tuple[Box, ...]:
    """The boxes of the words of a text from those of the pieces of words that the engine gives."""
    left = [(str(piece[0]).replace(" ", ""), piece[2]) for piece in pieces]
    boxes: list[Box] = []
    for word in text.split(" "):
        corners: list[Any] = []
        while word and left and word.startswith(left[0][0]):
            piece, box = left.pop(0)
            word = word[len(piece) :]
            corners += list(box)
        if word or not corners:
            return ()
        boxes.append(_box(corners, size))
    return tuple(boxes)


def _box(corners: Any, size: tuple[int, int]) -> Box:
    """The upright box around corners in pixels, as fractions."""
    across = [float(corner[0]) / size[0] for corner in corners]
    down = [float(corner[1]) / size[1] for corner in corners]
    return Box(min(across), min(down), max(across), max(down))


@lru_cache(maxsize=1)
def _loaded(threads: int) -> Any:
    """The engine, kept for the next picture of this process."""
    with extra("ocr"):
        import openvino  # noqa: F401  # the package itself only warns where it is missing
        import rapidocr
    settings: dict[str, Any] = {
        "Global.log_level": "critical",
        "Global.max_side_len": 1 << 14,  # ours is MAX_PIXELS
        "Det.limit_type": "max",
        "Det.limit_side_len": SEARCHED_SIDE,
        "Rec.rec_batch_num": 1,
        "Cls.cls_batch_num": 1,
        "EngineConfig.openvino.inference_num_threads": threads,
        "EngineConfig.openvino.performance_hint": "LATENCY",
        "EngineConfig.openvino.execution_mode": "ACCURACY",  # float32 on every machine
    }
    settings |= {f"{stage}.model_path": str(_weights(*model)) for stage, model in MODELS.items()}
    settings |= {f"{stage}.engine_type": rapidocr.EngineType.OPENVINO for stage in MODELS}
    return rapidocr.RapidOCR(params=settings)


def _weights(name: str, digest: str) -> Path:
    """A file of the package, by its sha256; without its path the package would fetch it."""
    found = find_spec("rapidocr")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("rapidocr", "ocr")
    path = Path(found.submodule_search_locations[0]) / "models" / name
    if not path.is_file() or file_digest(path) != digest:
        raise ConfigError(
            f"{path.name} of the package rapidocr is missing or not the one that is known; "
            "install it again: pip install 'argus-rag[ocr]'"
        )
    return path
