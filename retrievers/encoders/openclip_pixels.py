"""Pictures made the size of a tower as OpenCLIP makes them: Pillow's resampling, the middle, mean and deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL import Image as Pillow


@dataclass(frozen=True)
class Pixels:
    """`size` pixels a side: the shorter side resized and the middle cut out, or both sides (`squash`)."""

    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    bilinear: bool = False
    squash: bool = False

    def __call__(self, images: Sequence[Pillow.Image], return_tensors: str = "pt") -> Any:
        """(n, 3, size, size) float32 as `pixel_values`, as a processor of transformers gives them."""
        import numpy as np
        import torch
        from transformers import BatchFeature

        sized = np.stack([np.asarray(self._sized(one)) for one in images]).transpose(0, 3, 1, 2)
        shades = torch.from_numpy(sized.copy()).to(torch.float32).div(255)
        mean, std = (torch.tensor(one).view(3, 1, 1) for one in (self.mean, self.std))
        return BatchFeature({"pixel_values": (shades - mean) / std})

    def _sized(self, image: Pillow.Image) -> Pillow.Image:
        from PIL import Image as pillow

        by = pillow.Resampling.BILINEAR if self.bilinear else pillow.Resampling.BICUBIC
        if self.squash:
            return image.resize((self.size, self.size), by)
        short = min(image.size)
        width, height = (self.size if side == short else int(self.size * side / short) for side in image.size)
        image = image.resize((width, height), by)
        left, top = round((width - self.size) / 2), round((height - self.size) / 2)
        return image.crop((left, top, left + self.size, top + self.size))
