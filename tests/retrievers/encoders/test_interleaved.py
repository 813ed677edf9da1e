"""Documents of words and pictures in turn, over a tiny checkpoint: equality with plain calls, merging, parting."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rag.retrievers.encoders.interleaved import Interleaved, merged

from rag.answer import Query, query
from rag.document import WHOLE, Chunk, Media, Origin, PageRegion, Source
from rag.errors import SourceError
from rag.identity import digest, identified
from rag.protocols import EncodesUnits
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import kept_pictures, made, pictures, plain

KINDS = ("llava", "idefics3")
SOURCE = Source("report.pdf", "application/pdf", digest("report.pdf"))
RED, GREEN = (pictures()[number].media for number in (0, 3))


def chunk(text: str, *headings: str, media: Media | None = None, page: int = 1, **more: Any) -> Chunk:
    place = Origin(SOURCE, (PageRegion(page, WHOLE),))
    return Chunk("", "image" if media else "text", place, text=text, media=media, headings=headings, **more)


REPORT = list(
    identified(
        [
            chunk("Mars has two moons.", "Moons"),
            chunk("Figure 1: a moon", "Moons", media=RED),
            chunk("They are small.", "Moons"),
            chunk("", "Rings", media=GREEN),
            chunk("Saturn has rings of ice.", "Rings"),
            chunk("Nothing more is known.", "End"),
        ]
    )
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("interleaved")
    return {kind: str(made(folder / kind, kind)) for kind in KINDS}  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def assets(tmp_path_factory: pytest.TempPathFactory) -> FolderAssets:
    return kept_pictures(tmp_path_factory.mktemp("assets"))


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def far(one: Any, other: Any) -> float:
    return float(np.abs(one - other).max())


def last_states(folder: str, texts: Sequence[str], shown: Sequence[Sequence[bytes]]) -> Any:
    """(n, dim) by plain calls of transformers, one text at a time: the hidden state of the last token."""
    import torch
    from transformers import AutoModel, AutoProcessor

    processor, model = AutoProcessor.from_pretrained(folder), AutoModel.from_pretrained(folder)
    found = []
    for text, data in zip(texts, shown, strict=True):
        images = [Image.open(io.BytesIO(one)).convert("RGB") for one in data]
        read = processor(text=[text], images=[images], return_tensors="pt") if images else processor.tokenizer(
            text, return_tensors="pt")  # fmt: skip
        with torch.no_grad():
            found.append(model(**read).last_hidden_state[0, -1].numpy())
    return np.stack(found)


SECTIONS = (
    "Moons\nMars has two moons.\n<image>\nFigure 1: a moon\nThey are small.\n<|im_end|>",
    "Rings\n<image>\nSaturn has rings of ice.\n<|im_end|>",
    "End\nNothing more is known.\n<|im_end|>",
)


def test_a_document_is_the_mean_of_its_sections_last_states(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets)
    states = last_states(models["llava"], SECTIONS, [[plain("red")], [plain("green", 90, 200)], []])
    vector = encoder.encode_units([REPORT])[0]
    assert far(vector, unit(np.mean([unit(one) for one in states], axis=0))) < 1e-5
    raw = Interleaved(models["llava"], assets=assets, unit_sections=False).encode_units([REPORT])[0]
    assert far(raw, unit(states.mean(axis=0))) < 1e-5
    by_section = Interleaved(models["llava"], unit="section", assets=assets)
    assert far(by_section.encode_units(by_section.units(REPORT)), [unit(one) for one in states]) < 1e-5


def test_a_question_ends_where_a_section_does(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets, instruction="Find: ")
    asked = "Find: What is red?<|im_end|>", "<image>\nFind: red<|im_end|>"
    states = last_states(models["llava"], asked, [[], [plain("red")]])
    assert RED is not None
    vectors = encoder.encode_queries([query("What is red?"), Query((RED, "red"))])
    assert far(vectors, [unit(one) for one in states]) < 1e-5
    steered = encoder.encode_queries([Query(("What is red?",), instruction="Look: ")])[0]
    assert far(steered, vectors[0]) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_alone_is_as_in_a_padded_batch(kind: str, models: dict[str, str], assets: FolderAssets) -> None:
    one, four = (Interleaved(models[kind], assets=assets, batch=size) for size in (1, 4))
    units = [REPORT, REPORT[3:], REPORT[:1], REPORT[5:]]
    asked = [query("red?"), query("a much longer question about rings"), Query((RED or "", "x")), query("")]
    assert far(one.encode_units(units), four.encode_units(units)) <= 1e-5
    assert far(one.encode_units(units), np.concatenate([four.encode_units([unit]) for unit in units])) <= 1e-5
    assert far(one.encode_queries(asked), four.encode_queries(asked)) <= 1e-5
    assert far(one.encode_chunks(REPORT), four.encode_chunks(REPORT[::-1])[::-1]) <= 1e-5


def test_the_side_of_the_padding_does_not_matter(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets, batch=4)
    before = encoder.encode_units([REPORT, REPORT[:1]])
    encoder._model.tokenizer.padding_side = "left"
    assert far(encoder.encode_units([REPORT, REPORT[:1]]), before) <= 1e-5


@pytest.mark.parametrize("unit_sections", [True, False])
def test_merging(unit_sections: bool) -> None:
    vectors = list(np.random.default_rng(1).standard_normal((4, 6)))
    whole = merged(vectors, unit_sections)
    assert far(merged(vectors[::-1], unit_sections), whole) < 1e-6
    assert far(merged(vectors * 3, unit_sections), whole) < 1e-6
    assert far(merged(vectors[:1], unit_sections), unit(vectors[0])) < 1e-6
    assert far(merged(vectors[:1] * 5, unit_sections), unit(vectors[0])) < 1e-6
    assert np.linalg.norm(whole) == pytest.approx(1, abs=1e-6)


def test_long_section_vectors_weigh_more_unless_they_are_made_unit() -> None:
    one, ten = np.array([1.0, 0.0]), np.array([0.0, 10.0])
    assert merged([one, ten]) == pytest.approx(unit(np.array([1, 1])), abs=1e-6)
    assert merged([one, ten], unit_sections=False) == pytest.approx(unit(np.array([1, 10])), abs=1e-6)


def test_sections_in_another_order_make_the_same_document(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets)
    turned = [*REPORT[5:], *REPORT[3:5], *REPORT[:3]]
    inside = [REPORT[2], REPORT[1], REPORT[0], *REPORT[3:]]
    one, two, three = encoder.encode_units([REPORT, turned, inside])
    assert far(one, two) < 1e-5
    assert far(one, three) > 1e-5, "inside a section the order counts"


def test_pictures_count(models: dict[str, str], assets: FolderAssets) -> None:
    blind = Interleaved(models["llava"], assets=assets, max_images=0)
    recoloured = [replace(one, media=GREEN) if one.media == RED else one for one in REPORT]
    encoder = Interleaved(models["llava"], assets=assets)
    assert far(*encoder.encode_units([REPORT, recoloured])) > 1e-4
    assert far(*blind.encode_units([REPORT, recoloured])) < 1e-6
    assert [len(unit) for unit in blind.units(REPORT)] == [5], "a picture without words is nothing to read then"


def test_long_sections_are_parted_and_nothing_is_lost(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets, max_tokens=24, max_images=1)
    words = " ".join(f"word{number}" for number in range(60))
    section = [chunk(words, "Moons"), chunk("a", "Moons", media=RED), chunk("b", "Moons", media=GREEN)]
    read = [encoder._read(part) for part in encoder._parts(section)]
    assert all(text.startswith("Moons\n") for text, _ in read)
    assert all(len(shown) <= 1 for _, shown in read)
    assert sum(len(shown) for _, shown in read) == 2
    assert max(encoder._tokens(text.replace("<image>", "")) for text, _ in read) <= 24 + 8
    together = "".join(text for text, _ in read).replace("Moons\n", "").replace("\n", "").replace("<image>", "")
    assert together == f"{words}ab"
    assert np.isfinite(encoder.encode_units([section])).all()


def test_memory_is_bounded_by_the_batch(
    models: dict[str, str], assets: FolderAssets, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more pictures are open at once than a batch of parts may hold."""
    encoder = Interleaved(models["llava"], assets=assets, max_images=2, batch=2)
    many = [replace(REPORT[1], id=str(number)) for number in range(23)]
    open_now, most = 0, 0
    seen, run = encoder._seen, encoder._run

    def counted(one: Chunk) -> Any:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        return seen(one)

    def ran(inputs: Any) -> Any:
        nonlocal open_now
        open_now -= sum(len(shown) for _, shown in inputs)
        return run(inputs)

    monkeypatch.setattr(encoder, "_seen", counted)
    monkeypatch.setattr(encoder, "_run", ran)
    encoder.encode_units([many])
    assert (open_now, most) == (0, 4)


def test_pages_are_drawn_where_nothing_else_is_known_of_them(models: dict[str, str]) -> None:
    encoder = Interleaved(models["llava"])
    pages = [replace(chunk("", page=page, role="page"), modality="image") for page in (1, 2)]
    assert encoder.units([*pages, *REPORT]) == [[pages[1], *REPORT]]
    assert encoder.units(pages) == [pages]
    assert encoder.units([]) == []
    sections = Interleaved(models["llava"], unit="section").units([pages[1], *REPORT])
    assert [len(one) for one in sections] == [1, 3, 2, 1]


def test_damaged_pictures_are_passed_over_and_lost_ones_told_of(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets)
    bad = assets.put(b"no picture", "image/png")
    damaged = [replace(REPORT[1], media=bad)]
    words = [replace(REPORT[1], media=None, modality="text")]
    assert far(*encoder.encode_units([damaged, words])) < 1e-6
    with pytest.raises(SourceError) as caught:
        encoder.encode_units([[replace(damaged[0], text="", headings=())]])
    assert caught.value.kind == "damaged"
    with pytest.raises(SourceError) as caught:
        encoder.encode_units([[replace(REPORT[1], media=Media("image/png", "f" * 64, 3))]])
    assert caught.value.kind == "missing"


def test_words_of_a_document_are_no_control_tokens(models: dict[str, str], assets: FolderAssets) -> None:
    encoder = Interleaved(models["llava"], assets=assets)
    hostile = [chunk("a <image> b <|im_<|im_end|>end|>", "<image>"), chunk("\ud800"), chunk("")]
    assert np.isfinite(encoder.encode_units([[one] for one in hostile])).all()


def test_what_it_says_of_itself(models: dict[str, str], tmp_path: Path) -> None:
    model = models["llava"]
    told = [
        Interleaved(model), Interleaved(model, unit="section"), Interleaved(model, pooling="mean"),
        Interleaved(model, unit_sections=False), Interleaved(model, instruction="x"), Interleaved(model, max_tokens=9),
        Interleaved(model, max_images=1), Interleaved(model, dpi=50), Interleaved(model, dtype="bfloat16"),
        Interleaved(str(made(tmp_path / "other", "llava", seed=1))),
    ]  # fmt: skip
    assert len({one.fingerprint for one in told}) == len(told)
    assert Interleaved(model, batch=7, device="cpu").fingerprint == told[0].fingerprint
    assert [one.view for one in told[:2]] == ["document", "section"]
    assert isinstance(told[0], EncodesUnits)
    assert told[0].encode_units([]).shape == (0, 48)
    for wrong in ({"unit": "page"}, {"pooling": "max"}, {"max_images": -1}, {"max_tokens": 0}):
        with pytest.raises(ValueError):
            Interleaved("x", **wrong)  # type: ignore[arg-type]
