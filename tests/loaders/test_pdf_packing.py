"""Pixels packed as PNG are the same pixels when another library reads them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from rag.loaders.pdf.packing import packed


@pytest.mark.parametrize("size", [(1, 1), (3, 256), (256, 3), (257, 40), (600, 300)])
def test_the_same_pixels_come_back(size: tuple[int, int]) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (*size, 3), np.uint8)
    with Image.open(io.BytesIO(packed(pixels))) as image:
        image.load()
        assert image.format == "PNG"
        assert image.mode == "RGB"
        assert np.array_equal(np.asarray(image), pixels)


def test_a_view_of_wider_rows_is_packed_as_seen() -> None:
    whole = np.arange(40 * 50 * 3, dtype=np.uint8).reshape(40, 50, 3)
    with Image.open(io.BytesIO(packed(whole[:, 10:30]))) as image:
        assert np.array_equal(np.asarray(image), whole[:, 10:30])
