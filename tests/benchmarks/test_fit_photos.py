"""The fit of retrievers/photos: its photos, its questions, and that it learns what parts captions from questions."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
from PIL import Image
from rag.retrievers.photos import Photos

from benchmarks import fit_photos
from benchmarks.fit_photos import CAPTION, LOOKING, OTHER, OWN, TALK, WIDE, Asked, Nothing, joined, looking, models


def test_each_photo_is_listed_once_with_captions() -> None:
    rows = [json.loads(line) for line in fit_photos.CAPTIONS.read_text(encoding="utf-8").splitlines()]
    assert len({(row["package"], row["file"]) for row in rows}) == len(rows) == 75
    assert sum(len(row["captions"]) for row in rows) == 180


def test_pictures_inside_a_resource_are_found_in_order() -> None:
    def noise(width: int, format: str) -> bytes:
        out = BytesIO()
        Image.effect_noise((width, 300), 90).convert("RGB").save(out, format)
        return len(out.getvalue()).to_bytes(4, "big") + out.getvalue()

    data = b"qres" + noise(300, "JPEG") + noise(100, "JPEG") + b"between" + noise(310, "PNG")
    assert [image.width for image in fit_photos._inside(data, 9)] == [300, 310]
    assert [image.width for image in fit_photos._inside(data, 0)] == [300]


def test_questions_on_pictures_hold_two_words_of_a_question() -> None:
    made = looking("Which sensor measures the humidity of the greenhouse?")
    assert made == looking("Which sensor measures the humidity of the greenhouse?")
    assert sum(word in made for word in ("sensor", "measur", "humid", "greenhous")) == 2


def lists(seed: int) -> Asked:
    """Captions near photos, questions near texts, and what is near to nothing."""
    chance = np.random.default_rng(seed)
    middles = {CAPTION: (0.45, 0.2, 0.2), OWN: (0.2, 0.5, 0.8), LOOKING: (0.3, 0.4, 0.6), OTHER: (0.2, 0.3, 0.3),
               TALK: (0.2, 0.2, 0.2)}  # fmt: skip
    x = np.concatenate([chance.normal(middle, 0.05, (60, 3)) for middle in middles.values()])
    return Asked(x, np.repeat(list(middles), 60), np.where(np.arange(300) < 60, np.arange(300), -1))


def test_the_fit_parts_captions_from_questions() -> None:
    every = [lists(seed) for seed in range(4)]
    told = joined(every)
    wide = told.x[told.kind == WIDE]
    assert len(wide) == 120
    assert (wide[:60] == np.maximum(every[0].x[:60], every[2].x[:60])).all()
    photos = Photos(Nothing(), **models(told))  # type: ignore[arg-type]
    assert photos.chance(0.45, 0.2, 0.2) > 0.9 > 0.1 > photos.chance(0.2, 0.5, 0.8)
    assert photos.fits(0.45) > 0.9 > 0.1 > photos.fits(0.2)
    assert "AUC of captions against own 1.0000" in fit_photos.reported(photos, told)
