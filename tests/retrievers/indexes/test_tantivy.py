"""Tantivy: any string is a query, ties go by id, and a stop in between asks for a rebuild."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rag.retrievers.indexes import ranking
from rag.retrievers.indexes import tantivy as module
from rag.retrievers.indexes.tantivy import Tantivy

from rag.errors import CorpusError
from rag.filters import Eq
from rag.words import words

TEXTS = {
    "a": ("The environment variable FIT_LOG names the log file.", "Fit > Logging"),
    "b": ("Set terminal png writes bitmap files; UTF-8 is 3.14 times nicer.", "Terminals"),
    "c": ("Press C-c C-v, or run it with --flag-name and 1,234 points.", "Keys"),
    "d": ("日本語のテキスト and हिन्दी words", "言語"),
    "e": ("A file is a file is a file.", "Files"),
}


def filled(folder: Path) -> Tantivy:
    index = Tantivy(folder)
    index.add(list(TEXTS), list(TEXTS.values()))
    index.commit(1)
    return index


def ids(index: Tantivy, text: str, k: int = 10) -> list[str]:
    return [id for id, _ in index.search([words(text)], k)[0]]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Tantivy:
    return filled(tmp_path_factory.mktemp("text"))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("FIT_LOG", "a"),
        ("fit log", "a"),
        ("utf-8", "b"),
        ("3.14", "b"),
        ("C-c", "c"),
        ("--flag-name", "c"),
        ("1234", "c"),
        ("日本", "d"),
        ("हिन्दी", "d"),
        ("ﬁle", "e"),
        ("terminals", "b"),
        ("言語", "d"),
    ],
)
def test_finds(index: Tantivy, text: str, first: str) -> None:
    assert ids(index, text)[0] == first


@given(text=st.text(), k=st.integers(-1, 12))
@settings(deadline=None)
def test_every_string_is_a_legal_query(index: Tantivy, text: str, k: int) -> None:
    for terms in (words(text), [text.encode("utf-8", "replace").decode()]):
        (found,) = index.search([terms], k)
        assert len(found) <= max(k, 0)
        assert [(-score, id) for id, score in found] == sorted((-score, id) for id, score in found)


def test_nothing_asked_nothing_found(index: Tantivy) -> None:
    assert index.search([[], ["nowhere"], [""]], 5) == [[], [], []]
    assert index.search([], 5) == []


def test_what_stands_above_counts_less(index: Tantivy, tmp_path: Path) -> None:
    other = Tantivy(tmp_path)
    other.add(["x", "y"], [("fit other", "log"), ("log other", "fit")])
    other.commit(1)
    assert ids(other, "fit") == ["x", "y"]
    assert ids(other, "log") == ["y", "x"]
    bodies = Tantivy(tmp_path, above=0)
    assert ids(bodies, "fit") == ["x"]


def test_a_word_given_twice_weighs_twice(index: Tantivy) -> None:
    (one, two) = index.search([["log"], ["log", "log"]], 1)
    assert two[0][1] == pytest.approx(2 * one[0][1], rel=1e-4)


def test_of_very_long_queries_the_rarest_words_are_looked_up(tmp_path: Path) -> None:
    index = Tantivy(tmp_path)
    common = [f"w{number}" for number in range(ranking.MOST_TERMS + 50)]
    index.add([f"{number:02}" for number in range(20)], [" ".join(common)] * 19 + ["needle"])
    index.commit(1)
    assert "19" in ids(index, " ".join([*common, "needle"]), 20)


def test_ties_go_by_id_also_at_the_edge(tmp_path: Path) -> None:
    names = [f"{number * 2654435761 % 2**32:08x}{number:024x}" for number in range(500)]
    names += [f"{'0' * 8}{number:024x}" for number in range(1, 41)][::-1]  # the same first eight bytes
    index = Tantivy(tmp_path)
    for start in range(0, len(names), 90):
        index.add(names[start : start + 90], ["same words here"] * len(names[start : start + 90]))
        index.commit(start)
    for k in (1, 7, 30, 540):
        assert ids(index, "same", k) == sorted(names)[:k]


class Some:
    """A catalog that admits a set."""

    def __init__(self, admitted: frozenset[str]) -> None:
        self.admitted = admitted

    def matching(self, where: object) -> frozenset[str]:
        return self.admitted


@pytest.mark.parametrize("share", [1, 2, 10, 400])
def test_a_filter_finds_what_filtering_everything_would(tmp_path: Path, share: int) -> None:
    names = [f"{number * 2654435761 % 2**32:032x}" for number in range(1200)]
    catalog: Any = Some(frozenset(names[::share]))
    index = Tantivy(tmp_path, catalog)
    index.add(names, [f"word {'other ' * (number % 50)}" for number in range(1200)])
    index.commit(1)
    everything = index.search([["word", "other"]], 1200)[0]
    wanted = [pair for pair in everything if pair[0] in names[::share]]
    assert len(everything) == 1200
    for k in (1, 10, 1200):
        assert index.search([["word", "other"]], k, Eq("page", 1))[0] == wanted[:k]
    with pytest.raises(ValueError, match="catalog"):
        Tantivy(tmp_path).search([["word"]], 1, Eq("page", 1))


def test_segments_do_not_matter(tmp_path: Path) -> None:
    texts = [f"alpha {'beta ' * (number % 7)} gamma{number % 13}" for number in range(300)]
    names = [f"{number * 2654435761 % 2**32:032x}" for number in range(300)]
    one, many = Tantivy(tmp_path / "one"), Tantivy(tmp_path / "many")
    one.add(names, texts)
    one.commit(1)
    for start in range(0, 300, 7):
        many.add(names[start : start + 7], texts[start : start + 7])
        many.commit(start)
    queries = [["alpha"], ["beta", "gamma3"], ["gamma1", "gamma2", "alpha"]]
    assert one.search(queries, 50) == many.search(queries, 50)


def test_adding_again_replaces_and_removed_is_gone_for_open_readers_too(tmp_path: Path) -> None:
    index = filled(tmp_path)
    reader = Tantivy(tmp_path)
    assert ids(reader, "fit_log") == ["a"]
    index.add(["a", "a"], ["first", "entirely new"])
    assert ids(reader, "fit_log") == ["a"]
    index.commit(2)
    assert (ids(reader, "fit_log"), ids(reader, "first"), ids(reader, "entirely")) == ([], [], ["a"])
    index.remove(["a", "nobody"])
    index.commit(3)
    assert (ids(reader, "entirely"), len(reader)) == ([], 4)


def test_frequencies(index: Tantivy) -> None:
    assert index.frequencies(["file", "files", "is", "nowhere"]) == (
        {"file": 3, "files": 3, "is": 2, "nowhere": 0},
        5,
    )


def test_words_are_found_by_their_stems(index: Tantivy, tmp_path: Path) -> None:
    assert ids(index, "logs") == ids(index, "logging") == ["a"]
    exact = Tantivy(tmp_path, stemmer="")
    exact.add(list(TEXTS), list(TEXTS.values()))
    exact.commit(1)
    assert (ids(exact, "logs"), ids(exact, "log")) == ([], ["a"])
    assert exact.frequencies(["files"])[0] == {"files": 1}
    assert Tantivy(tmp_path).generation == -1  # another stemmer: to be built anew
    with pytest.raises(ValueError, match="klingon"):
        Tantivy(tmp_path / "none", stemmer="klingon")


def test_generation_is_durable(tmp_path: Path) -> None:
    assert Tantivy(tmp_path / "none").generation == -1
    assert Tantivy(tmp_path / "none").frequencies(["a"]) == ({"a": 0}, 0)
    assert Tantivy(tmp_path / "none").search([["a"]], 3) == [[]]
    index = filled(tmp_path)
    index.commit(9)
    assert (index.generation, Tantivy(tmp_path).generation) == (9, 9)


def test_clear_keeps_the_old_for_readers_until_the_commit(tmp_path: Path) -> None:
    index, reader = filled(tmp_path), Tantivy(tmp_path)
    index.clear()
    index.add(["z"], ["zebra"])
    assert (index.generation, len(reader), reader.generation) == (-1, 5, 1)
    index.commit(5)
    assert (len(reader), ids(reader, "zebra"), ids(reader, "file")) == (1, ["z"], [])
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_one_removal_in_a_hundred_asks_for_a_rebuild(tmp_path: Path) -> None:
    index = Tantivy(tmp_path)
    names = [f"{number:032x}" for number in range(300)]
    index.add(names, ["some words"] * 300)
    index.commit(1)
    index.remove(names[:2])
    index.commit(2)
    assert (index.generation, index.needs_rebuild) == (2, False)
    index.add(names[2:4], ["some words"] * 2)
    index.commit(3)
    assert (index.generation, index.needs_rebuild) == (-1, True)
    assert len(ids(index, "words", 500)) == 298  # goes on answering
    assert Tantivy(tmp_path).generation == -1
    index.clear()
    index.add(names[2:], ["some words"] * 298)
    index.commit(4)
    assert (index.generation, index.needs_rebuild) == (4, False)


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _meta(folder: Path) -> Path:
    return next(folder.glob("*/meta.json"))


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: _halve(folder / "state.json"),
        lambda folder: (folder / "state.json").write_text("[]"),
        lambda folder: (folder / "state.json").write_text('{"version": [0, 0]}'),
        lambda folder: _meta(folder).unlink(),
        lambda folder: _halve(_meta(folder)),
        lambda folder: next(folder.glob("*/*.idx")).unlink(),
    ],
)
def test_damage_asks_for_a_rebuild_and_gets_one(tmp_path: Path, harm: Callable[[Path], None]) -> None:
    filled(tmp_path)
    harm(tmp_path)
    index = Tantivy(tmp_path)
    assert index.generation == -1
    with pytest.raises(CorpusError, match="rebuild it with"):
        index.search([["file"]], 1)
    with pytest.raises(CorpusError, match="rebuild it with"):
        index.add(["a"], ["b"])
    index.clear()
    index.add(list(TEXTS), list(TEXTS.values()))
    index.commit(2)
    assert (Tantivy(tmp_path).generation, ids(Tantivy(tmp_path), "fit_log")) == (2, ["a"])


class Killed(BaseException):
    """Not an Exception: nothing may catch it."""


def _kill(*_: object) -> None:
    raise Killed


def test_a_stop_before_the_commit_leaves_the_old_state(tmp_path: Path) -> None:
    index = filled(tmp_path)
    index.add(["z"], ["zebra"])
    del index
    again = Tantivy(tmp_path)
    assert (again.generation, ids(again, "zebra")) == (1, [])
    again.add(["z"], ["zebra"])
    again.commit(2)
    assert (again.generation, ids(again, "zebra")) == (2, ["z"])


def test_a_stop_between_the_two_commits_asks_for_a_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(tmp_path)
    index.add(["z"], ["zebra"])
    monkeypatch.setattr(module, "_write", _kill)
    with pytest.raises(Killed):
        index.commit(2)
    monkeypatch.undo()
    del index
    again = Tantivy(tmp_path)
    assert json.loads((tmp_path / "state.json").read_text())["generation"] == 1
    assert again.generation == -1
    again.clear()
    again.add(["z"], ["zebra"])
    again.commit(2)
    assert (again.generation, len(again)) == (2, 1)


def test_a_stop_in_a_rebuild_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = filled(tmp_path)
    index.clear()
    index.add(["z"], ["zebra"])
    monkeypatch.setattr(module, "_write", _kill)
    with pytest.raises(Killed):
        index.commit(2)
    monkeypatch.undo()
    del index
    again = Tantivy(tmp_path)
    assert (again.generation, len(again)) == (1, 5)
    again.clear()
    again.commit(3)
    assert (Tantivy(tmp_path).generation, len(again)) == (3, 0)


def test_two_writers_are_refused(tmp_path: Path) -> None:
    index, other = filled(tmp_path), Tantivy(tmp_path)
    index.add(["z"], ["zebra"])
    with pytest.raises(CorpusError, match="another process"):
        other.add(["y"], ["yak"])
    index.commit(2)
    other.add(["y"], ["yak"])
    other.commit(3)
    assert len(index) == 7
