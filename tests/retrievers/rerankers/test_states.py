"""The relevancy score on a model's states: learns by looking, is kept without a pickle, goes on after a stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rag.pipelines.train import Trained, Triple, auc, write
from rag.pipelines.train_states import trained_on
from rag.retrievers.rerankers import lora
from rag.retrievers.rerankers.lora import Course
from rag.retrievers.rerankers.relevancy import Relevancy
from rag.retrievers.rerankers.states import Pairs

from rag.answer import Hit, query
from rag.errors import ConfigError
from rag.store.assets import FolderAssets
from tests.generators.build import hit
from tests.golden import coloured, scorers
from tests.golden.checkpoints import made

COURSE = Course(epochs=2, batch=8, rate=5e-3, head_rate=5e-3)


@dataclass
class Task:
    """Triples, the model's folder, what the head alone is worth, what it is worth with adapters, and where that is."""

    triples: list[Triple]
    assets: FolderAssets
    model: str
    alone: Trained
    adapted: Trained
    folder: Path

    def scores(self, folder: Path | None = None) -> dict[str, list[float]]:
        """By statement the scores of a picture of each colour."""
        pictures = [coloured.picture(self.assets, name, 5, 900 + at) for at, name in enumerate(coloured.COLOURS)]
        scorer = Relevancy(str(folder or self.folder), assets=self.assets)
        asked = [query(coloured.statement(name)) for name in coloured.COLOURS]
        hits = [[Hit(one, 0.0, "t") for one in pictures]] * len(asked)
        return dict(zip(coloured.COLOURS, scorer.score(asked, hits), strict=True))


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("states")
    triples, assets = coloured.triples(folder / "assets", 100)
    model = str(made(folder / "model"))
    alone = trained_on(triples, Pairs(model, assets=assets), Relevancy)
    adapted = trained_on(triples, Pairs(model, assets=assets), Relevancy, course=COURSE)
    write(adapted, folder / "head")
    return Task(triples, assets, model, alone, adapted, folder / "head")


def test_adapters_learn_what_no_word_of_the_context_tells(task: Task) -> None:
    assert task.adapted.auc > 0.9
    assert task.adapted.auc > task.alone.auc > 0.5
    assert abs(task.alone.shuffled - 0.5) < 0.2
    assert abs(task.alone.blank - 0.5) < 0.2
    scores = task.scores()
    own = [scores[name][at] for at, name in enumerate(scores)]
    others = [one for at, row in enumerate(scores.values()) for number, one in enumerate(row) if number != at]
    assert auc([*own, *others], [1.0] * len(own) + [0.0] * len(others)) > 0.9


def test_it_is_kept_as_safetensors_and_json_and_read_back_the_same(task: Task, tmp_path: Path) -> None:
    assert {one.name for one in task.folder.iterdir()} == {"head.json", "head.safetensors", "calibration.json"}
    assert json.loads((task.folder / "head.json").read_text())["model"] == task.model
    told = json.loads((task.folder / "calibration.json").read_text())
    assert told["scorer"] == Relevancy(str(task.folder), assets=task.assets).fingerprint
    assert 0 < told["tau"] < 1
    write(task.alone, tmp_path / "alone")
    other = Relevancy(str(tmp_path / "alone"), assets=task.assets)
    assert other.fingerprint != told["scorer"]
    assert task.scores(tmp_path / "alone") != task.scores()
    held = [(one.matching, one.context) for one in task.triples if one.held]
    (state,) = Pairs(task.model, assets=task.assets).states(held[:1])
    ((score,),) = other.score([query(held[0][0])], [[Hit(held[0][1], 0.0, "t")]])
    assert score == task.alone.head.score(state)


def test_a_run_that_was_stopped_ends_in_the_same_numbers(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lora, "SAVE_EVERY", 3)
    triples = task.triples[:30]
    course = replace(COURSE, epochs=2)

    class Stopped(Exception):
        pass

    def stopping(what: str, done: int, _: int) -> None:
        if what == "training" and done == 5:
            raise Stopped

    def run(keep: Path | None, progress: Any = lambda *_: None) -> Trained:
        pairs = Pairs(task.model, assets=task.assets)
        return trained_on(triples, pairs, Relevancy, course=course, keep=keep, progress=progress)

    whole = run(None)
    keep = tmp_path / "unfinished"
    with pytest.raises(Stopped):
        run(keep, stopping)
    steps: list[tuple[str, int]] = []
    read = Pairs.states
    encoded: list[int] = []

    def counting(self: Pairs, pairs: Any, *, blank: bool = False) -> Any:
        encoded.append(len(pairs))
        return read(self, pairs, blank=blank)

    monkeypatch.setattr(Pairs, "states", counting)
    again = run(keep, lambda what, done, _: steps.append((what, done)))
    assert [done for what, done in steps if what == "training"] == [4, 5, 6]
    assert sum(encoded) == 2 * sum(one.held for one in triples), "only what adapters change is read again"
    assert again.head.bias == pytest.approx(whole.head.bias, abs=1e-5)
    assert all(abs(again.head.adapters[name] - one).max() < 1e-5 for name, one in whole.head.adapters.items())
    # Another course begins anew.
    steps.clear()
    course = replace(course, seed=1)
    run(keep, lambda what, done, _: steps.append((what, done)))
    assert next(done for what, done in steps if what == "training") == 1


def test_a_head_over_other_weights_or_a_damaged_one_is_refused(task: Task, tmp_path: Path) -> None:
    write(task.adapted, tmp_path / "head")
    told = json.loads((tmp_path / "head" / "head.json").read_text())
    moved = {**told, "model": str(made(tmp_path / "other", seed=3))}
    (tmp_path / "head" / "head.json").write_text(json.dumps(moved))
    with pytest.raises(ConfigError, match="trained on other weights"):
        task.scores(tmp_path / "head")
    (tmp_path / "head" / "head.json").write_text(json.dumps({**told, "dim": 7}))
    with pytest.raises(ConfigError, match="of 7 numbers"):
        task.scores(tmp_path / "head")
    (tmp_path / "head" / "head.json").write_text(json.dumps(told))
    (tmp_path / "head" / "head.safetensors").write_bytes(b"\x80\x04.")
    with pytest.raises(ConfigError, match="no relevancy head"):
        task.scores(tmp_path / "head")


def test_a_model_of_words_alone_will_do_and_blanks_hide_the_context() -> None:
    pairs = Pairs(scorers.causal())
    one, other = hit("Rain fell.").chunk, hit("Boats sail.", "c2").chunk
    shown = pairs.states([("Did rain fall?", one), ("Did rain fall?", other)])
    assert shown.shape == (2, 32)
    assert abs(shown[0] - shown[1]).max() > 1e-4
    blank = pairs.states([("Did rain fall?", one), ("Did rain fall?", other)], blank=True)
    assert abs(blank[0] - blank[1]).max() == 0


def test_what_has_neither_words_nor_picture_scores_nothing(task: Task) -> None:
    scorer = Relevancy(str(task.folder), assets=task.assets)
    assert scorer.score([query("x"), query("")], [[hit(" ")], [hit("Rain fell.")]]) == [[0.0], [0.0]]
    assert scorer.score([], []) == []


def test_settings_are_checked() -> None:
    for wrong in ({"rank": 0}, {"epochs": 0}, {"rate": 0.0}):
        with pytest.raises(ValueError, match="at least 1"):
            Course(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="encoder of words"):
        Relevancy("nowhere").score([query("x")], [[hit("Rain")]])
