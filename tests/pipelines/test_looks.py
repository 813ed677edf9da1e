"""From a PDF and a web page to an answer that quotes the text of a look and shows where it stands."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from rag import Corpus
from rag.cli import main
from tests.golden import hues


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of both, searched by words alone."""
    folder = tmp_path_factory.mktemp("looks")
    (folder / "manual.pdf").write_bytes(hues.manual())
    (folder / "pump.html").write_text(hues.PAGE)
    corpus = folder / "corpus"
    corpus.mkdir()
    settings = ['[chunker]\nuse = "loaders/chunking/structure"', '[indexes.text]\nuse = "retrievers/indexes/tantivy"']
    settings += [f'[loaders.{name}]\nuse = "loaders/{name}"' for name in ("pdf", "html")]
    (corpus / "corpus.toml").write_text("\n".join(settings) + "\n")
    report = Corpus(corpus).add([folder / "manual.pdf", folder / "pump.html"], workers=0)
    assert [one.status for one in report.outcomes] == ["done", "done"]
    return corpus


@pytest.mark.parametrize(
    ("question", "words", "pages"),
    [
        ("What does the red text on page 2 of the manual say?", [hues.WARNING, "400"], [2]),
        ("What does the red text on page 3 say?", ["Order new seals in March."], [3]),
        ("What is the green heading on page 2?", ["Safety at the pump"], [2]),
        ("What is highlighted on page 2?", ["Grease the main bearing once a month", "behind the blue door"], [2]),
        ("What does the white text on the red bar on page 2 say?", ["Call the control room first"], [2]),
        ("What does the title in blue say?", ["Pump Station Manual"], [1]),
        ("Which words are underlined?", ["behind the door"], []),
        ("Which words are crossed out?", ["not under the mat"], []),
    ],
)  # fmt: skip
def test_the_words_of_a_look_are_the_answer(folder: Path, question: str, words: list[str], pages: list[int]) -> None:
    answer = Corpus(folder).ask(question)
    assert not answer.abstained
    assert [answer.text[one.start : one.end] for one in answer.citations] == words
    assert {one.page for one in answer.cited} == set(pages or [None])


def test_the_picture_of_the_evidence_frames_the_words(folder: Path) -> None:
    answer = Corpus(folder).ask("What does the red text on page 3 say?")
    (cited,) = answer.cited
    picture = Image.open(io.BytesIO(cited.image(72))).convert("RGB")
    colours = {colour for _, colour in picture.getcolors(1 << 24) or []}
    assert (214, 60, 40) in colours  # the frame
    assert any(red > 150 and green < 60 and blue < 60 for red, green, blue in colours)  # the words
    assert not any(max(colour) < 60 for colour in colours)  # and no black ones


def test_a_web_page_is_cited_by_the_path_of_the_words(folder: Path) -> None:
    answer = Corpus(folder).ask("What does the red text of pump.html about the valve say?")
    paths = [place.path for one in answer.cited for place in one.places]  # type: ignore[union-attr]
    assert "/html/body[1]/p[2]/span[1]" in paths
    assert answer.text.startswith("Never open the valve while the pump runs.")


def test_a_colour_that_is_not_there_is_not_made_up(folder: Path) -> None:
    assert Corpus(folder).ask("What does the purple text say?").abstained


def test_the_colour_of_a_thing_is_no_look(folder: Path) -> None:
    answer = Corpus(folder).ask("What hangs behind the blue door of the shed?")
    assert "spare key" in answer.text


def test_search_by_colour_and_the_parts_that_stand_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--corpus", str(folder), "--json", "--where", "colour=yellow", "the shed"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert {hit["source"].rpartition("/")[2] for hit in hits} == {"manual.pdf", "pump.html"}
    (run,) = [one for hit in hits for one in hit["coloured"] if one.get("ground") == "yellow" and hit["page"]]
    assert run["mark"] == "highlighted"
    assert run["places"][0]["page"] == 2


def test_show_draws_the_parts_of_one_colour(folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["ask", "--corpus", str(folder), "What does the red text on page 3 say?"]) == 0
    told = capsys.readouterr().out
    command = next(line for line in told.splitlines() if "rag show" in line).split("rag show ")[1].split()
    assert command[1:3] == ["--colour", "red"]
    out = tmp_path / "red.png"
    assert main(["show", command[0], *command[1:3], "--corpus", str(folder), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Order new seals in March." in told
    assert "turbine" not in told
    assert out.stat().st_size > 500
    assert main(["show", command[0], "--corpus", str(folder), "--out", str(out)]) == 0
    assert "red: Order new seals in March.\n  " in capsys.readouterr().out
    assert main(["show", command[0], "--colour", "pink", "--corpus", str(folder)]) != 0
