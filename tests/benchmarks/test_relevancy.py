"""What the relevancy scorer is fitted on: questions in other words, and questions that point."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.relevancy_documents import FITTED, HELD_OUT, corpora
from benchmarks.relevancy_wording import WordNet, as_made, pointing, reworded
from tests.generators.build import chunk

LINES = (
    "  1 This is the licence.",
    "{1} 03 n 02 wheel 0 roller 1 000 | a round thing",
    "{2} 03 n 01 car 0 001 @ {3} n 0000 | with wheels",
    "{3} 03 n 02 car 0 vehicle 0 000 | what carries",
)


@pytest.fixture
def wordnet(tmp_path: Path) -> WordNet:
    """Three meanings in the format of WordNet's files, where a meaning is named by where its line starts."""
    wide = [line.format(*["0" * 8] * 4) for line in LINES]
    starts = [sum(len(line) + 1 for line in wide[:at]) for at in range(len(wide))]
    lines = [line.format(*(f"{start:08d}" for start in starts)) for line in LINES]
    (tmp_path / "data.noun").write_text("\n".join(lines) + "\n", encoding="ascii")
    index = f"wheel n 1 0 1 0 {starts[1]:08d}\ncar n 1 1 @ 1 0 {starts[2]:08d}\n"
    (tmp_path / "index.noun").write_text(index, encoding="ascii")
    for kind in ("verb", "adj"):
        (tmp_path / f"index.{kind}").write_text("", encoding="ascii")
    return WordNet(tmp_path)


def test_synonyms_are_of_the_first_meaning_or_of_the_one_above(wordnet: WordNet) -> None:
    assert wordnet.synonyms("wheel") == wordnet.synonyms("wheels") == ["roller"]
    assert wordnet.synonyms("car") == ["vehicle"]
    assert wordnet.synonyms("cloud") == []


def test_a_question_is_said_otherwise_and_always_the_same(wordnet: WordNet) -> None:
    asked = [f"Which wheel has {at} spokes?" for at in range(60)]
    told = [reworded(one, wordnet) for one in asked]
    assert told == [reworded(one, wordnet) for one in asked]
    assert any("roller" in one for one in told)
    for one, other in zip(asked, told, strict=True):
        assert not (as_made(one) and "roller" in other)
        assert f"{one.split()[3]} spokes" in other


def test_pointing_questions_name_a_page_and_any_chunk_of_it_will_do() -> None:
    text = "alpha bravo charlie delta echo foxtrot golfing hotel india juliet kilogram limas mikes november"
    found = pointing([chunk(text, "c1"), chunk("short", "c2")], 5)
    assert [one.chunks for one in found] == [("c1", "c2")]
    assert "page 1" in found[0].text


def test_no_package_and_no_subject_but_programs_is_on_both_sides() -> None:
    assert not {one.name for one in FITTED} & {one.name for one in HELD_OUT}
    assert set(corpora(FITTED)) & set(corpora(HELD_OUT)) == {"software"}
