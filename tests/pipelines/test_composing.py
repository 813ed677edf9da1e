"""Captions composed of what is known: what stands in them, when they are made, and that they are found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rag.pipelines import composing
from rag.pipelines.composing import Compose, composed

from rag.cli import main
from rag.corpus import Corpus
from rag.document import WHOLE, Chunk, Media, Mention, Origin, PageRegion, Source
from tests.golden.captioners import Colours
from tests.loaders.test_pdf_mentions import SAID, figured
from tests.pipelines.test_ingest import add
from tests.pipelines.test_summarise import dump, noisy, run

PLACE = PageRegion(1, WHOLE)
ORIGIN = Origin(Source("a.png", "image/png", "a" * 64), (PLACE,))
SUMMARIES = '[encoders.summaries]\nuse = "retrievers/encoders/hash"\nview = "summary"\n'


class Tagger:
    """Sees whatever it was told to."""

    fingerprint = "tagger"

    def __init__(self) -> None:
        self.asked = 0

    def tags(self, chunks: Sequence[Chunk]) -> list[list[tuple[str, float]]]:
        self.asked += len(chunks)
        return [[(name, 0.1) for name in ("zebra", "ox", "llama", "valley", "fence", "barn")] for _ in chunks]


@pytest.fixture
def tagger(monkeypatch: pytest.MonkeyPatch) -> Tagger:
    seer = Tagger()
    monkeypatch.setattr(composing, "tagger", lambda _: seer)
    return seer


@pytest.fixture
def default(hashed: Path) -> Path:
    """A corpus with an encoder of summaries, as new ones have it."""
    path = hashed / "corpus.toml"
    path.write_text(path.read_text() + SUMMARIES)
    return hashed


def test_what_stands_in_a_caption() -> None:
    media = Media("image/png", "b" * 64, 9)
    chunk = Chunk(
        "1", "image", ORIGIN, "Figure 2: Wear.\nmm per year", "figure", "Report", media, ("Results", "Gears"),
        mentions=(Mention("Wear rises, as Figure 2 shows.", PLACE),),
    )  # fmt: skip
    assert composed(chunk, []) == "Results > Gears. Figure 2: Wear. mm per year. Wear rises, as Figure 2 shows"
    assert composed(chunk, ["gear", "axle"]).startswith("a photo of gear, axle. Results > Gears. ")
    assert composed(Chunk("1", "image", ORIGIN, title="IMG 7"), []) == "IMG 7"
    assert composed(Chunk("1", "image", ORIGIN), []) == ""


def test_photos_are_found_by_their_tags_as_they_come_in(default: Path, tmp_path: Path, tagger: Tagger) -> None:
    (tmp_path / "a.png").write_bytes(noisy("red"))
    (tmp_path / "b.pdf").write_bytes(figured())
    (tmp_path / "words.md").write_text("# Ox\n\nAn essay on the ox.\n")
    add(default, tmp_path / "a.png", tmp_path / "b.pdf", tmp_path / "words.md")
    assert tagger.asked == 1  # no figure, no page
    with Corpus(default) as corpus:
        first = corpus.search("zebra near a fence")[0]
        assert Path(first.source).name == "a.png"
        assert first.chunk.summary is not None
        assert (first.chunk.summary.made, first.chunk.text) == ("composed", "")
        assert "barn" not in first.chunk.summary.text  # the sixth
        figure = next(one.chunk for one in corpus.search("vibration of the gearbox") if one.chunk.role == "figure")
        assert figure.summary is not None
        assert SAID.rstrip(".") in figure.summary.text
        shown = corpus.ask("Where is the zebra?")
        assert "a photo of" not in shown.text
    assert main(["check", "--corpus", str(default)]) == 0


def test_two_encoders_of_one_model_keep_each_its_vectors(default: Path, tmp_path: Path, tagger: Tagger) -> None:
    """Words and summaries, by the same weights: the vectors of neither may take the place of the other's."""
    (tmp_path / "a.png").write_bytes(noisy("red"))
    (tmp_path / "words.md").write_text("# Ox\n\nAn essay on the ox.\n")
    add(default, tmp_path / "a.png")  # what the first run lacks is encoded at its end
    add(default, tmp_path / "words.md")
    with Corpus(default) as corpus:
        assert corpus.store.encoders["hash"].fingerprint == corpus.store.encoders["summaries"].fingerprint
        assert len(corpus.store.vectors["hash"]) >= 1
        assert len(corpus.store.vectors["summaries"]) == 1
        assert "dense.words" in corpus.search("essay on the ox")[0].hit.parts


def test_it_is_done_once(default: Path, tmp_path: Path, tagger: Tagger) -> None:
    (tmp_path / "a.png").write_bytes(noisy("red"))
    add(default, tmp_path / "a.png")
    before = dump(default)
    add(default, tmp_path / "a.png")
    with Corpus(default) as corpus:
        told = corpus.summarising(composed=True).run()
    assert (told.composed, told.known, tagger.asked) == (0, 1, 1)
    assert dump(default) == before


def test_an_older_corpus_gets_them_on_request_and_one_after_the_other_is_all_at_once(
    hashed: Path, tmp_path: Path, tagger: Tagger, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(noisy("red" if name == "a" else "blue"))
        add(hashed, tmp_path / f"{name}.png")
    with Corpus(hashed) as corpus:
        assert corpus.search("zebra") == []
    assert main(["summarise", "--composed", "--dry-run", "--corpus", str(hashed)]) != 0
    assert "it goes without --dry-run" in capsys.readouterr().err
    with Corpus(hashed) as corpus:
        assert corpus.search("zebra") == []
    assert main(["summarise", "--composed", "--corpus", str(hashed), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"composed": 2, "known": 0}
    with Corpus(hashed) as corpus:
        assert len(corpus.search("zebra")) == 2


def test_a_model_takes_its_place_and_keeps_it(default: Path, tmp_path: Path, tagger: Tagger) -> None:
    (tmp_path / "a.png").write_bytes(noisy("red"))
    add(default, tmp_path / "a.png")
    assert run(default, Colours()).calls == 1
    with Corpus(default) as corpus:
        assert corpus.summarising(composed=True).run().known == 1
        found = corpus.search("barn")[0].chunk.summary
    assert found is not None
    assert found.made == "written"


def test_a_kill_before_the_vectors_is_made_good_by_the_next_add(
    default: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.store.writer import Writer

    (tmp_path / "a.png").write_bytes(noisy("red"))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Writer, "add_encoded", killed)
        with pytest.raises(KeyboardInterrupt):
            add(default, tmp_path / "a.png")
    add(default, tmp_path / "a.png")
    with Corpus(default) as corpus:
        assert len(corpus.store.vectors["summaries"]) == 1
        assert corpus.search("zebra")


def test_a_photo_that_cannot_be_looked_at_is_composed_of_the_rest(
    default: Path, tmp_path: Path, tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rag.errors import SourceError

    def gone(*_: Any) -> None:
        raise SourceError("gone", source="a.png")

    monkeypatch.setattr(tagger, "tags", gone)
    (tmp_path / "a.png").write_bytes(noisy("red"))
    add(default, tmp_path / "a.png")
    with Corpus(default) as corpus:
        assert [one.chunk.summary.text for one in corpus.search("a.png") if one.chunk.summary] == ["a.png"]


def test_the_tagger_is_the_corpus_own_or_the_one_that_ships(default: Path, tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Words\n\nNo picture.\n")
    add(default, tmp_path / "a.md")
    with Corpus(default) as corpus:
        found = composing.tagger(corpus.store)
        assert hasattr(found, "tags")
        assert not Compose(corpus.store, tags=False).run().composed
