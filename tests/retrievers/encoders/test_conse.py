"""Concept tags: the weights read as data, the network against torch, the equation, what is no photo."""

from __future__ import annotations

import io
import pickle  # to write hostile files; nothing here reads one with it
import struct
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rag.retrievers.encoders.classifier import EPSILON, Classifier, checked_weights, prepared
from rag.retrievers.encoders.conse import TEMPLATE, ConSE, convex, is_photo
from rag.retrievers.encoders.minilm import MiniLM
from rag.retrievers.encoders.tensors import tensors

from rag.answer import Query, query
from rag.document import Media
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import kept_pictures, pictures, striped

CHUNKS = pictures()


def photo(seed: int = 0) -> Any:
    """A picture of many shades."""
    from PIL import Image

    random = np.random.default_rng(seed)
    small = Image.fromarray(random.integers(0, 255, (9, 12, 3), np.uint8))
    return small.resize((400, 300), Image.Resampling.BICUBIC)


# --- the weights, without torch ----------------------------------------------------------------------


def test_the_weights_are_those_that_torch_reads() -> None:
    import torch

    ours, theirs = tensors(checked_weights()), torch.load(checked_weights(), weights_only=True)
    assert list(ours) == list(theirs)
    assert all(np.array_equal(ours[name], theirs[name].numpy()) for name in ours)


def written(path: Path, **saved: Any) -> Path:
    import torch

    torch.save(OrderedDict(saved), path, _use_new_zipfile_serialization=False)
    return path


def test_views_of_one_storage_keep_their_strides(tmp_path: Path) -> None:
    import torch

    whole = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
    told = tensors(written(tmp_path / "a.pth", a=whole, b=whole[1].T, c=whole[:, 1], n=torch.tensor([3, 4])))
    assert np.array_equal(told["b"], whole[1].T.numpy())
    assert np.array_equal(told["c"], whole[:, 1].numpy())
    assert np.array_equal(told["n"], [3, 4])


class Runs:
    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("exit 1",)


def test_a_file_that_would_run_something_is_refused_and_not_run(tmp_path: Path) -> None:
    path = tmp_path / "hostile.pth"
    path.write_bytes(b"".join(pickle.dumps(one, 2) for one in (1, 2, {}, {"weight": Runs()}, [])))
    with pytest.raises(ValueError, match="system"):
        tensors(path)


def test_damaged_files_are_value_errors(tmp_path: Path) -> None:
    import torch

    path = written(tmp_path / "whole.pth", a=torch.ones(3, 4))
    data = path.read_bytes()
    damaged = tmp_path / "damaged.pth"
    for size in (0, 5, 30, len(data) // 2, len(data) - 3):
        damaged.write_bytes(data[:size])
        with pytest.raises(ValueError):
            tensors(damaged)
    at = data.rindex(struct.pack("<q", 12))
    damaged.write_bytes(data[:at] + struct.pack("<q", 5) + data[at + 8 :])
    with pytest.raises(ValueError, match="beyond its storage"):
        tensors(damaged)


# --- the network -----------------------------------------------------------------------------------------


def by_torch(fields: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """EfficientNet-Lite2 by plain calls of torch, padded as TensorFlow does, nothing folded."""
    import torch
    from torch.nn import functional as f

    weights = torch.load(checked_weights(), weights_only=True)

    def normed(x: Any, name: str) -> Any:
        told = [weights[f"{name}.{one}"] for one in ("running_mean", "running_var", "weight", "bias")]
        return f.batch_norm(x, *told, eps=EPSILON)

    def convolved(x: Any, name: str, stride: int = 1, groups: int = 1) -> Any:
        kernel = weights[name]
        size = kernel.shape[-1]
        lacking = max((-(-x.shape[-1] // stride) - 1) * stride + size - x.shape[-1], 0)
        before = lacking // 2
        x = f.pad(x, (before, lacking - before) * 2)
        return f.conv2d(x, kernel, stride=stride, groups=groups)

    x = f.relu6(normed(convolved(torch.from_numpy(fields), "_conv_stem.weight", 2), "_bn0"))
    stage_of = [0] + [1] * 3 + [2] * 3 + [3] * 4 + [4] * 4 + [5] * 5 + [6]
    for number, stage in enumerate(stage_of):
        name, held = f"_blocks.{number}", x
        first = number == 0 or stage_of[number - 1] != stage
        stride = (1, 2, 2, 2, 1, 2, 1)[stage] if first else 1
        if number:
            x = f.relu6(normed(convolved(x, f"{name}._expand_conv.weight"), f"{name}._bn0"))
        x = f.relu6(normed(convolved(x, f"{name}._depthwise_conv.weight", stride, x.shape[1]), f"{name}._bn1"))
        x = normed(convolved(x, f"{name}._project_conv.weight"), f"{name}._bn2")
        if not first:
            x = x + held
    x = f.relu6(normed(convolved(x, "_conv_head.weight"), "_bn1")).mean((2, 3))
    found: np.ndarray[Any, Any] = f.linear(x, weights["_fc.weight"], weights["_fc.bias"]).softmax(1).numpy()
    return found


def test_probabilities_are_those_of_the_network_in_torch() -> None:
    told = Classifier().probabilities([photo(0), photo(1)])
    for seed, ours in enumerate(told):
        assert ours.sum() == pytest.approx(1, abs=1e-4)
        assert np.abs(ours - by_torch(prepared(photo(seed)))[0]).max() < 1e-4


def test_pictures_of_any_size_are_prepared() -> None:
    for size in ((1, 1), (2000, 40), (33, 900)):
        assert prepared(photo().resize(size)).shape == (1, 3, 260, 260)


# --- the space ---------------------------------------------------------------------------------------------


def test_the_vector_is_the_equation() -> None:
    """f(x) = 1/Z sum over the T likeliest of p * s(name), with Z the sum of p, to length 1."""
    encoder = ConSE(classes=3)
    tags = encoder._tags(photo())
    assert [share for _, share in tags] == sorted((share for _, share in tags), reverse=True)
    named = MiniLM().encode_queries([query(TEMPLATE.format(name)) for name, _ in tags]).astype(np.float64)
    total = sum(share for _, share in tags)
    mean = sum(share / total * vector for (_, share), vector in zip(tags, named, strict=True))
    assert np.abs(encoder._vector(photo()) - mean / np.linalg.norm(mean)).max() < 1e-5
    assert np.allclose(convex(np.eye(2, dtype=np.float32), [0.3, 0.1]), np.array([3, 1]) / np.sqrt(10))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> ConSE:
    return ConSE(assets=kept_pictures(tmp_path_factory.mktemp("conse")))


def test_drawings_have_no_tags_and_no_vector(encoder: ConSE) -> None:
    from PIL import Image

    assert not is_photo(Image.open(io.BytesIO(striped(300, 90))))
    assert is_photo(photo())
    assert encoder.tags(CHUNKS) == [[], [], [], []]
    assert not encoder.encode_chunks(CHUNKS).any()


def test_words_and_photos_share_a_space(tmp_path: Path) -> None:
    assets = FolderAssets(tmp_path)
    out = io.BytesIO()
    photo().save(out, "PNG")
    media = assets.put(out.getvalue(), "image/png")
    encoder = ConSE(assets=assets)
    named = encoder._tags(photo())[0][0]
    looked, worded, both, less = encoder.encode_queries(
        [Query((media,)), query(TEMPLATE.format(named)), Query((media, "a cat")), Query((media,), minus=("a cat",))]
    )
    cat = encoder.encode_queries([query("a cat")])[0]
    assert looked @ worded > 0.2
    assert both @ cat > looked @ cat > less @ cat
    assert np.allclose(np.linalg.norm([looked, worded, both, less], axis=1), 1, atol=1e-5)


def test_a_question_of_a_drawing_alone_is_near_to_nothing(encoder: ConSE) -> None:
    drawing = CHUNKS[2].media
    assert isinstance(drawing, Media)
    alone, with_words, words = encoder.encode_queries(
        [Query((drawing,)), Query((drawing, "a horse")), query("a horse")]
    )
    assert not alone.any()
    assert np.abs(with_words - words).max() < 1e-6


def test_it_is_for_photos_alone_and_names_what_it_depends_on() -> None:
    assert ConSE.roles == {"photo", "keyframe", "speech"}  # a key frame that is spoken over is one chunk
    assert ConSE().fingerprint == ConSE().fingerprint != ConSE(classes=5).fingerprint
    assert ConSE().encode_chunks([]).shape == (0, ConSE.dim)
    assert ConSE.available()
    with pytest.raises(ValueError, match="classes"):
        ConSE(classes=0)
