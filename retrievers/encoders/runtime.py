"""Running a BERT-shaped ONNX file with OpenVINO, one text a request."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from rag.extras import extra

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REMEMBERED = 256
"""Questions whose vectors a session keeps: each is asked of several indexes, and of the sentences that answer it."""
STEP = 16
"""Lengths are filled up to a multiple of this. What the runtime prepares for a length it keeps, so that 250
of them would cost 200 MB; what is filled up is masked, and moves a vector by less than 1e-6."""
Pool: TypeAlias = "Callable[[NDArray[np.float32]], NDArray[np.float32]]"
"""(tokens, dim) to (dim,)."""


class Session:
    """A compiled model. LATENCY gives one request all cores, THROUGHPUT runs several at once.

    Requests hold one text each, so a vector is a function of its text alone. Safe to share
    between threads, which then take turns.
    """

    def __init__(
        self,
        weights: Path,
        hint: Literal["LATENCY", "THROUGHPUT"],
        precision: Literal["f32", "bf16"],
        cache: bool = True,
    ) -> None:
        with extra(""):
            import openvino

        self._lock = Lock()
        model = compiled(weights, hint, precision, cache_folder() if cache else None)
        self._known: dict[tuple[int, ...], NDArray[np.float32]] = {}
        self._queue = openvino.AsyncInferQueue(model, 1 if hint == "LATENCY" else 0)

    def asked(self, ids: Sequence[int], pool: Pool) -> NDArray[np.float32]:
        """The pooled output of one input, always by the same `pool`; it is remembered."""
        key = tuple(ids)
        if (found := self._known.get(key)) is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = self.run([ids], pool)[0]
        return found

    def run(self, inputs: Sequence[Sequence[int]], pool: Pool) -> list[NDArray[np.float32]]:
        """The pooled output of each input, in their order."""
        found: dict[int, NDArray[np.float32]] = {}

        def keep(request: Any, number: int) -> None:
            found[number] = pool(request.get_output_tensor(0).data[0][: len(inputs[number])])

        # Longest first: near the end the requests are short, and no core waits long for another.
        order = sorted(range(len(inputs)), key=lambda number: -len(inputs[number]))
        with self._lock:
            self._queue.set_callback(keep)
            try:
                for number in order:
                    self._queue.start_async(_feed(inputs[number]), number)
            finally:  # also when interrupted: a request that ends while Python is going down aborts it
                self._queue.wait_all()
        return [found[number] for number in range(len(inputs))]


def compiled(weights: Path, hint: str, precision: str, cache: Path | None) -> Any:
    """The model for this processor; compiled anew when the cached one cannot be read."""
    import openvino

    options = {
        "PERFORMANCE_HINT": hint,
        "INFERENCE_PRECISION_HINT": precision,
        # The default quantises activations on some processors: another precision than we state.
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0",
    }
    core = openvino.Core()
    if cache is not None:
        try:
            return core.compile_model(str(weights), "CPU", {**options, "CACHE_DIR": str(cache)})
        except RuntimeError:
            pass
    return core.compile_model(str(weights), "CPU", options)


def cache_folder() -> Path | None:
    """The user's own folder for compiled models; None when there is none that is his alone."""
    root = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(root) if os.path.isabs(root) else Path.home() / ".cache"
        folder = base / "argus" / "openvino"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except (OSError, RuntimeError):
        return None
    # What lies there is loaded as a program: nobody else may have put it there.
    others = os.name == "posix" and (found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o022)
    return None if others or not os.access(folder, os.W_OK) else folder


def _feed(ids: Sequence[int]) -> dict[str, NDArray[np.int64]]:
    import numpy as np

    row = np.zeros((1, -(-len(ids) // STEP) * STEP), np.int64)
    row[0, : len(ids)] = ids
    mask = np.zeros_like(row)
    mask[0, : len(ids)] = 1
    return {"input_ids": row, "attention_mask": mask, "token_type_ids": np.zeros_like(row)}
