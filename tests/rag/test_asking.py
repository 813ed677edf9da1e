"""Pictures as questions: what a fragment points at, what is held, and the whole way through a corpus."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from rag.retrievers.encoders.conse import ConSE
from rag.retrievers.encoders.minilm import MiniLM

import rag
from rag.answer import Query, query
from rag.asking import PointedAt, picture_bytes, picture_file, pointed_at
from rag.cli import main
from rag.document import WHOLE, Box, PageRegion
from rag.errors import SourceError
from rag.store import scratch
from rag.store.assets import FolderAssets
from tests.golden.checkpoints import made, page_document, plain, striped

COLOURS = ["red", "blue", "green", "yellow"]


def test_what_a_fragment_points_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a#page=2").write_bytes(b"x")
    assert pointed_at("a.pdf") == PointedAt("a.pdf", PageRegion(1, WHOLE))
    assert pointed_at("a.pdf#page=3") == PointedAt("a.pdf", PageRegion(3, WHOLE))
    assert pointed_at("a.pdf#page=3&box=.1,.2,.5,1") == PointedAt("a.pdf", PageRegion(3, Box(0.1, 0.2, 0.5, 1)))
    assert pointed_at("a.png#box=0,0,.5,.5") == PointedAt("a.png", PageRegion(1, Box(0, 0, 0.5, 0.5)))
    assert pointed_at("C# notes.pdf").name == "C# notes.pdf"
    assert pointed_at("https://x.org/a#section").name == "https://x.org/a#section"
    assert pointed_at("a#page=2").name == "a#page=2", "a file of that very name"


@pytest.mark.parametrize(
    "said", ["a#page=0", "a#page=x", "a#page=-1", "a#box=1,2,3", "a#box=.5,.5,.1,.9", "a#box=0,0,nan,1", "a#page=1&z=2"]
)
def test_a_place_that_is_none(said: str) -> None:
    with pytest.raises(ValueError, match=said.split("#")[0]):
        pointed_at(said)


def test_a_question_writes_nothing_and_its_picture_is_opened_by_name(tmp_path: Path) -> None:
    media = picture_bytes(plain("red"))
    assert FolderAssets(tmp_path).open(media) == plain("red")
    assert list(tmp_path.iterdir()) == []


def test_what_is_held_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MOST_BYTES", 250)
    first, second, third = (scratch.hold(bytes([n]) * 100, "image/png") for n in range(3))
    assert scratch.held(first.digest) is None
    assert scratch.held(second.digest) is not None
    assert scratch.held(third.digest) is not None
    monkeypatch.setattr(scratch, "LARGEST", 50)
    with pytest.raises(SourceError, match="more than"):
        scratch.hold(b"x" * 100, "image/png")


def test_a_part_of_a_picture_is_cut_out(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "a.png").write_bytes(striped(100, 80))
    held = scratch.held(picture_file(tmp_path / "a.png", Box(0.25, 0.5, 0.75, 1)).digest)
    assert held is not None
    part = Image.open(io.BytesIO(held))
    assert part.size == (50, 40)
    assert np.array_equal(np.asarray(part), np.asarray(Image.open(io.BytesIO(striped(100, 80))))[40:, 25:75])


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words")
    for given in (tmp_path / "a.txt", tmp_path / "gone.png", tmp_path):
        with pytest.raises(SourceError):
            picture_file(given)


# --- through a corpus -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> rag.Corpus:
    """A PDF of coloured pages and a corpus that looks at them with a tiny checkpoint."""
    folder = tmp_path_factory.mktemp("asking")
    (folder / "pages.pdf").write_bytes(page_document([plain(colour) for colour in COLOURS]))
    corpus = rag.Corpus(folder / "corpus", profile="pictures")
    corpus.add([])
    settings = folder / "corpus" / "corpus.toml"
    looking = f'[encoders.eyes]\nuse = "retrievers/encoders/visrag"\nmodel = "{made(folder / "model")}"\ndpi = 60\n'
    settings.write_text(settings.read_text(encoding="utf-8") + "\n" + looking, encoding="utf-8")
    corpus.close()
    corpus.add([folder / "pages.pdf"], workers=1)
    return corpus


def page_of(hit: object) -> int:
    place = hit.chunk.origin.places[0]  # type: ignore[attr-defined]
    assert isinstance(place, PageRegion)
    return place.page


def test_a_crop_of_a_page_finds_pages_like_it(corpus: rag.Corpus) -> None:
    source = next(iter(corpus.documents())).sources[0].uri
    for page in (2, 4):
        media = corpus.picture(f"{source}#page={page}&box=0,0,1,1", dpi=60)
        hits = corpus.hits([Query((media,))], 4)[0]
        assert page_of(hits[0]) == page
        assert "pictures" in hits[0].parts


def test_a_picture_and_what_is_not_wanted(corpus: rag.Corpus) -> None:
    media = corpus.picture(plain("red"))
    plus, minus = (corpus.hits([Query((media,), minus=words)], 4)[0] for words in ((), ("the colour blue",)))
    assert [one.parts["pictures"].score for one in plus] != [one.parts["pictures"].score for one in minus]


def test_a_question_that_points_is_joined_with_what_is_seen(corpus: rag.Corpus) -> None:
    """The picture speaks for page 2, the words point at page 3, and what is there was found by its looks too."""
    media = corpus.picture(plain(COLOURS[1]))
    hits = corpus.hits([Query((media, "the picture on page 3"))], 8)[0]
    assert page_of(hits[0]) == 3
    assert {"pointed", "pictures"} <= hits[0].parts.keys()
    assert "pointed" not in corpus.hits([Query((media, "a sunny day"))], 8)[0][0].parts


def test_a_restricted_view_asks_with_its_own_picture_alone(corpus: rag.Corpus) -> None:
    view = corpus.restricted({"page": 2})
    media = view.picture(plain("blue"))
    assert {page_of(one) for one in view.hits([Query((media,))], 4)[0]} == {2}
    source = next(iter(corpus.documents())).sources[0].uri
    with pytest.raises(SourceError):
        view.picture(f"{source}#page=9")


def test_an_unknown_source_is_told(corpus: rag.Corpus) -> None:
    with pytest.raises(SourceError, match="rag list"):
        corpus.picture("nowhere.pdf#page=1")


def test_the_command(corpus: rag.Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "blue.png"
    picture.write_bytes(plain("blue", 300, 400))
    where = ["--corpus", str(corpus.folder), "--json"]
    assert main(["search", "--image", str(picture), "--k", "2", *where]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hits"]
    assert told["hits"][0]["parts"]["pictures"]
    assert main(["search", "the sea", "--image", f"{picture}#box=0,0,.5,.5", "--minus", "red", *where]) == 0
    assert json.loads(capsys.readouterr().out)["query"] == "the sea"


def test_a_picture_in_a_question_that_wants_an_answer(
    corpus: rag.Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`rag ask` takes it as `rag search` does: what is found, or was nearest, was found by its looks."""
    picture = tmp_path / "blue.png"
    picture.write_bytes(plain("blue", 300, 400))
    assert main(["ask", "Which page?", "--image", str(picture), "--corpus", str(corpus.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    listed = told["evidence"] or told["near_misses"]
    assert "pictures" in listed[0]["parts"]


def test_a_corpus_that_cannot_look_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with rag.Corpus(tmp_path / "c") as corpus:
        corpus.add(b"Only words.", name="a.txt", workers=1)
    picture = tmp_path / "a.png"
    picture.write_bytes(plain("red"))
    assert main(["search", "--image", str(picture), "--corpus", str(tmp_path / "c")]) != 0
    assert "no encoder of pictures" in capsys.readouterr().err


def test_words_that_are_not_wanted_are_taken_away() -> None:
    for encoder in (MiniLM(), ConSE()):
        asked = [query("red cars and boats"), Query(("red cars and boats",), ("boats",)), query("boats")]
        whole, less, boats = encoder.encode_queries(asked)
        assert less @ boats < whole @ boats
        assert np.linalg.norm(less) == pytest.approx(1, abs=1e-5)
