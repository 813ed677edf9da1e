"""Questions from a corpus, and what is fitted on them: profile, calibration, relevancy head."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rag.pipelines.questions import KINDS, chunks, lines, made
from rag.pipelines.toml import written as toml
from rag.pipelines.train import auc, youden
from rag.pipelines.tune import _chosen_for, abstention, chosen, lacks, least_chance, refused
from rag.pipelines.tuning import LEAST_KIND, Kept, Piece, Posed, Weighed, curves, relevances
from rag.retrievers.fused import Fused
from rag.retrievers.rerankers import states

from rag.calibration import Calibrations, parsed
from rag.cli import main
from rag.corpus import Corpus
from rag.profile import load_profile
from tests.golden import checkpoints, manuals

Rag = Callable[..., tuple[int, str, str]]


@pytest.fixture
def corpus(hashed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    paths = manuals.written(tmp_path / "manuals")
    monkeypatch.chdir(tmp_path)
    assert main(["add", *map(str, paths), "--corpus", str(hashed), "--workers", "0"]) == 0
    return hashed


@pytest.fixture
def rag(corpus: Path, capsys: pytest.CaptureFixture[str]) -> Rag:
    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main([*map(str, arguments), "--corpus", str(corpus)])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_questions_of_each_kind_with_the_chunks_that_hold_their_answer(corpus: Path) -> None:
    opened = Corpus(corpus)
    asked = made(opened, 200)
    assert asked == made(opened, 200)
    kinds = Counter(one.kind for one in asked)
    assert set(kinds) == {"heading", "sentence", "keywords", "cell"} < set(KINDS)
    known = {one.id: one for one in chunks(opened)}
    for one in asked:
        texts = [known[id].text + " ".join(known[id].headings) for id in one.chunks]
        assert any(" ".join(one.answer.split()) in " ".join(text.split()) for text in texts)
        assert {known[id].origin.source.digest for id in one.chunks} == {one.digest}
    assert len({one.digest for one in asked}) == 12
    assert len({one.id for one in asked}) == len(asked)
    assert {one.id for one in made(opened, 40)} != {one.id for one in made(opened, 40, seed=1)}


def test_the_lines_are_read_and_found_by_evaluate(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    opened = Corpus(corpus)
    file = tmp_path / "q.jsonl"
    file.write_text("\n".join(lines(opened, made(opened, 25))) + "\n")
    code, out, err = rag("evaluate", file, "--json", "--html", tmp_path / "page.html")
    assert code == 0, err
    told = json.loads(out)
    assert told["answerable"] == 25
    assert told["found"]["document"]["page@10"]["mean"] > 0.7
    trust = told["trust"]
    assert trust["n"] == 25
    assert 0 <= trust["aurc_best"] <= trust["aurc"] <= 1
    assert sum(one["n"] for one in trust["bins"]) == 25
    assert trust["risk_coverage"][-1][0] == 1.0
    assert {"evidence_gold", "evidence_tokens", "evidence_precision"} <= set(told["answers"])
    page = (tmp_path / "page.html").read_text()
    assert "Reliability" in page
    assert 'aria-label="risk against coverage"' in page


def test_tuning_writes_a_profile_that_answers(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    code, out, err = rag("tune", "--self", "--count", 80, "--recall", 0.8, "--write", profile,
                         "--save-questions", tmp_path / "q.jsonl")  # fmt: skip
    assert code == 0, err
    assert "trade-off" in out
    assert "expected calibration error" in out
    tables = tomllib.loads(profile.read_text())
    assert tables["selector"]["use"] == "retrievers/selectors/adaptive"
    assert load_profile(profile)["ask"]["depth"] == tables["ask"]["depth"]
    calibration = parsed((tmp_path / "mine.calibration.json").read_text(), "c")
    assert calibration.scorer.startswith("features-")
    assert len(calibration.needed) == 80
    assert len((tmp_path / "q.jsonl").read_text().splitlines()) == 80
    first = json.loads((tmp_path / "q.jsonl").read_text().splitlines()[0])
    # The default scorer judges lists: it is their chance that refuses, at the asked share and not by the risk too.
    least = tables["selector"]["least_chance"]
    assert 0 < least < 1
    assert (tables["selector"]["max_risk"], calibration.max_risk, calibration.least_chance) == (1.0, 1.0, least)
    assert f"is below {least:.3f}" in out
    code, out, err = rag("ask", first["question"], "--profile", profile, "--json")
    assert code == 0, err
    code, out, err = rag("ask", "Who painted the Mona Lisa?", "--profile", profile, "--json")
    assert code == 0, err
    assert f"below {least:g}" in json.loads(out)["reason"]
    code, out, err = rag("tune", tmp_path / "q.jsonl", "--tokens", 60, "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["goal"] == "tokens"
    assert told["questions"] == 80
    assert told["chosen"]["tokens"]["mean"] < 90
    assert told["least_chance"] == pytest.approx(least, abs=0.1)
    assert told["refused_answerable"]["mean"] <= 0.05
    code, out, err = rag("tune", tmp_path / "q.jsonl", "--risk", 0.3, "--refuse", 0.3, "--write", profile, "--json")
    assert code == 0, err
    told = json.loads(out)
    # Nothing is kept of what is refused: the figure of what the profile does says so.
    lost = told["chosen"]["gold_kept"]["mean"] - told["chosen_with_refusals"]["gold_kept"]["mean"]
    assert 0 < lost <= told["refused_answerable"]["mean"] + 1e-9
    assert told["chosen_with_refusals"]["tokens"]["mean"] < told["chosen"]["tokens"]["mean"]
    assert "# The risk holds for questions drawn like these" in profile.read_text().partition("[")[0]
    assert told["fixed"]["tokens"]["mean"] > told["chosen"]["tokens"]["mean"]
    golds = [one["gold_kept"]["mean"] for one in told["curve"]]
    assert golds == sorted(golds, reverse=True)


def test_what_cannot_be_tuned_is_said(rag: Rag, tmp_path: Path) -> None:
    for arguments, message in (
        (("tune",), "--self"), (("tune", "--self", "--recall", "2"), "between 0 and 1"),
        (("tune", "--self", "--count", "10"), "30 answerable questions"),
        (("tune", "--self", "--write", "x.json"), ".toml"),
    ):  # fmt: skip
        code, _, err = rag(*arguments)
        assert code != 0
        assert message in err


def test_a_relevancy_head_is_trained_written_and_used(rag: Rag, corpus: Path, tmp_path: Path) -> None:
    code, out, err = rag("train", "relevancy", "--count", 400, "--write", tmp_path / "head", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["auc"] > 0.5
    assert abs(told["shuffled"] - 0.5) < 0.15
    assert told["blank"] == 0.5  # each question is matching as often as other
    profile = tmp_path / "p.toml"
    profile.write_text(toml({"selector": {
        "use": "retrievers/selectors/adaptive", "calibration": str(tmp_path / "head" / "calibration.json"),
        "scorer": {"use": "retrievers/rerankers/relevancy", "model": str(tmp_path / "head"), "index": "@vectors"},
    }}))  # fmt: skip
    question = made(Corpus(corpus), 20)[0].text
    code, out, err = rag("ask", question, "--profile", profile, "--json")
    assert code == 0, err
    head = json.loads((tmp_path / "head" / "head.json").read_text())
    head["encoder"] = "another"
    (tmp_path / "head" / "head.json").write_text(json.dumps(head))
    code, _, err = rag("ask", question, "--profile", profile)
    assert code != 0
    assert "was trained on the encoder another" in err


def test_the_best_setting_by_hand() -> None:
    def piece(right: bool, tokens: int) -> Piece:
        return Piece(0.5, right, tokens, 0, "dense.text", 1, "x")

    rows = [[(0.9, piece(True, 10)), (0.3, piece(False, 50))], [(0.6, piece(False, 20)), (0.4, piece(True, 30))]]
    ranked = {((), 20): rows}
    setting, reached = chosen(ranked, [0, 1], "recall", 1.0)
    assert reached
    assert (setting.k, setting.tau) == (2, 0.32)  # 0.32 leaves out the 0.3, and no more is needed
    setting, reached = chosen(ranked, [0, 1], "tokens", 15.0)
    assert reached
    assert setting.k == 1
    assert not chosen(ranked, [0, 1], "tokens", 14.0)[1]
    _, reached = chosen(ranked, [0, 1], "risk", 0.2)
    assert not reached  # two questions promise no less than 1/3
    assert abstention([0.9, 0.5, 0.8, 0.7], 0.25) == pytest.approx(0.3, abs=1e-5)
    assert least_chance([0.9, 0.5, 0.8, 0.7], 0.25) == 0.7  # one of four lies below
    assert least_chance([0.4567, 0.9], 0.05) == 0.456  # written short, and never above what was seen
    assert least_chance([0.9, None], 0.25) is None
    assert [refused(rows[0], chance, 0.2, 0.7) for chance in (0.69, 0.7, None)] == [1, 0, 0]
    assert [refused(row, 0.9, 0.2, 0.7) for row in (rows[1], [])] == [1, 1]


def test_a_head_learns_what_the_cosine_does_not_see() -> None:
    import numpy as np
    from rag.retrievers.rerankers.relevancy import pair_features, scored
    from rag.retrievers.rerankers.relevancy import trained as fitted

    generator = np.random.default_rng(4)
    queries, contexts = (generator.normal(size=(900, 8)).astype(np.float32) for _ in range(2))
    right = (queries[:, 0] * contexts[:, 0] > 0).astype(float)  # one dimension says all, the others are noise
    pairs = np.concatenate([pair_features(queries[at], contexts[at : at + 1]) for at in range(900)])
    weights, bias = fitted(pairs[:600], right[:600])
    logits = pairs[600:] @ np.array(weights) + bias
    assert auc(logits, right[600:]) > 0.95 > 0.75 > auc(pairs[600:, -1], right[600:])
    head = {"weights": weights, "bias": bias}
    assert scored(head, queries[0], contexts[:3]) == pytest.approx(
        [float(1 / (1 + np.exp(-pair_features(queries[0], contexts[at : at + 1]) @ np.array(weights) - bias))[0])
         for at in range(3)], abs=1e-5,
    )  # fmt: skip


def test_auc_by_hand() -> None:
    assert auc([0.1, 0.4, 0.4, 0.9], [0, 0, 1, 1]) == pytest.approx(0.875)
    with pytest.raises(ValueError):
        auc([0.1], [1])


KEYS = st.text(st.sampled_from('ab é"\\\n.-\x7f#'), max_size=4)
PLAIN = st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | KEYS
VALUES = (
    PLAIN
    | st.lists(PLAIN | st.dictionaries(KEYS, PLAIN, max_size=2), max_size=2)
    | st.dictionaries(KEYS, PLAIN | st.dictionaries(KEYS, PLAIN, max_size=2), max_size=2)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=3))
def test_toml_is_read_back_the_same(tables: dict[str, object]) -> None:
    assert tomllib.loads(toml(tables)) == tables


def test_a_head_over_a_model_is_trained_written_and_used(
    rag: Rag, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(states, "MOST_TEXT", 120)  # each byte is a token of the tiny model
    model = checkpoints.made(tmp_path / "model")
    train = ("train", "relevancy", "--count", 70, "--model", model, "--write", tmp_path / "head", "--json")
    code, _, err = rag(*train[:3], 70, "--lora")
    assert code != 0
    assert "name it with --model" in err
    code, out, err = rag(*train, "--lora", "--epochs", 1, "--rank", 2)
    assert code == 0, err
    told = json.loads(out)
    assert told["triples"] >= 50
    assert told["auc_cosine"] is not None
    assert sorted(one.name for one in (tmp_path / "head").iterdir()) == [
        "calibration.json", "head.json", "head.safetensors",
    ]  # fmt: skip
    profile = tmp_path / "p.toml"
    profile.write_text(toml({"ask": {"depth": 3}, "selector": {
        "use": "retrievers/selectors/adaptive", "calibration": str(tmp_path / "head" / "calibration.json"),
        "scorer": {"use": "retrievers/rerankers/relevancy", "model": str(tmp_path / "head")},
        "tau": 0.0, "max_risk": 1.0,
    }}))  # fmt: skip
    code, out, err = rag("ask", made(Corpus(corpus), 20)[0].text, "--profile", profile, "--json")
    assert code == 0, err
    assert json.loads(out)["evidence"]


def test_the_threshold_that_parts_best() -> None:
    assert youden([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == 0.35
    assert youden([0.1, 0.2, 0.3], [1, 1, 1]) == 0.1


def lists_of(kinds: dict[str, tuple[int, float]]) -> list[Weighed]:
    """For each kind so many questions whose first piece has a score of 0 to 1, right as often as a share of that."""
    found = []
    for kind, (count, share) in kinds.items():
        for at in range(count):
            score = (at + 0.5) / count
            right = (at * 7919) % count < share * score * count
            posed = Posed(f"{kind} {at}", "x", f"{at % 5:08x}", lambda _: True)
            found.append(Weighed(posed, (Piece(score, right, 10, 0, kind, 1, f"{kind} {at}"),)))
    return found


def test_a_kind_with_enough_questions_has_a_calibration_of_its_own_and_others_share_one() -> None:
    lists = lists_of({"dense.text": (400, 1.0), "dense.table": (LEAST_KIND, 0.3), "dense.image": (LEAST_KIND - 1, 0.3)})
    found = curves(lists)
    assert set(found) == {"", "dense", "dense.text", "dense.table"}
    told = Calibrations("s", found)

    def chance(kind: str) -> float:
        piece = Piece(0.8, True, 10, 0, kind, 1, "p")
        return relevances(Weighed(lists[0].posed, (piece,)), told, 20)[0][0]

    assert chance("dense.text") == pytest.approx(0.8, abs=0.15)
    assert chance("dense.table") == pytest.approx(0.24, abs=0.15)
    assert chance("dense.image") == found["dense"]([0.8])[0] == chance("dense.video")
    assert chance("lexical.text") == found[""]([0.8])[0]


def test_a_harder_target_is_asked_for_where_held_out_documents_miss_it() -> None:
    # All questions of the first fold need the second piece, and 1 in 20 of the others: these say that one will do.
    def ranked(second: bool) -> list[tuple[float, Piece]]:
        pieces = [Piece(0.9 - at / 10, (at == 1) == second, 10, 0, "dense.text", at + 1, str(at)) for at in range(2)]
        return [(piece.score, piece) for piece in pieces]

    rows = [ranked(at % 5 == 0 or at in (1, 2)) for at in range(50)]
    folds = [at % 5 for at in range(50)]
    setting, reached, held = _chosen_for({((), 20): rows}, range(50), folds, "recall", 0.95)
    assert sum(one.gold for one in held.values()) == 50
    assert (setting.k, reached) == (2, True)
    assert lacks("recall", 0.9, [Kept(1, 10, 0, True, 1, 0.9), Kept(1, 30, 0, False, 0, 0.9)]) == pytest.approx(0.4)
    assert lacks("tokens", 15, [Kept(1, 10, 0, True, 1, 0.9), Kept(1, 30, 0, False, 0, 0.9)]) == 5
    assert lacks("risk", 0.6, [Kept(1, 10, 0, True, 1, 0.9), Kept(1, 30, 0, False, 0, 0.9)]) == pytest.approx(-0.1)


def test_tuning_goes_on_after_a_stop_and_asks_nothing_twice(
    rag: Rag, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ("tune", "--self", "--count", 80, "--recall", "0.8", "--write", tmp_path / "mine.toml", "--json")
    code, whole, err = rag(*command)
    assert code == 0, err
    assert not (tmp_path / "mine.unfinished").exists()
    asked: list[int] = []
    real = Fused.retrieve

    def stopping(self: Fused, queries: list[object], k: int) -> object:
        asked.append(len(queries))
        if len(asked) == 3:
            raise KeyboardInterrupt
        return real(self, queries, k)  # type: ignore[arg-type]

    monkeypatch.setattr(Fused, "retrieve", stopping)
    code, _, err = rag(*command)
    assert code != 0
    assert "the same command goes on" in err
    (kept,) = [path for path in (tmp_path / "mine.unfinished").iterdir() if path.stat().st_size]
    with kept.open("a") as file:
        file.write('["half a li')  # as a stop in the middle of writing leaves it
    code, again, err = rag(*command)
    assert code == 0, err
    assert json.loads(again) == json.loads(whole)
    before = len(asked)
    code, _, err = rag(*command)
    assert code == 0, err
    assert sum(asked[:2]) + sum(asked[3:before]) == sum(asked[before:])
