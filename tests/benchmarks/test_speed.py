"""The race's own parts: who runs when, what is read of what was told, what counts as equal, and the tables."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import contest, speed, speed_table
from benchmarks.contest import Contender, Contest, contenders, events, plan, unequal
from benchmarks.peers import common, install

ARGUS = Path(common.__file__).with_name("with_argus.py")
FAKE = '''
"""A peer that cuts texts at so many letters, keeps them in a file, and finds nothing twice by itself."""
import json
from benchmarks.peers import common


class Fake:
    def __init__(self, meter):
        self._meter = meter

    def pieces(self, docs, size, overlap):
        texts = [path.read_text() for path in common.files(docs, ".md")]
        step = max(1, size - overlap)
        return len(texts), [text[at : at + size] for text in texts for at in range(0, len(text), step)]

    def ingest(self, docs, index, size, overlap):
        pages, texts = self.pieces(docs, size or 300, overlap)
        index.mkdir(parents=True, exist_ok=True)
        for number in range(0, len(texts), 4):
            self._meter.encode(texts[number : number + 4])
        with open(index / "texts", "a") as kept:
            kept.writelines(json.dumps(text) + "\\n" for text in texts)
        return pages

    def entries(self, index):
        return (index / "texts").read_text().splitlines()

    def open(self, index):
        self._texts = self.entries(index)

    def search(self, question, k):
        self._meter.question(question)
        return self._texts[:k]


common.run(Fake)
'''


@pytest.fixture
def race(tmp_path: Path) -> Contest:
    """Argus and a fake peer on three Markdown files."""
    docs = tmp_path / "documents"
    docs.mkdir()
    for number in range(3):
        sections = [f"## Part {at}\n\n" + f"The mill number {number} stands at mile {at}. " * 12 for at in range(6)]
        (docs / f"{number}.md").write_text(f"# Mills {number}\n\n" + "\n\n".join(sections), encoding="utf-8")
    script = tmp_path / "fake.py"
    script.write_text(FAKE, encoding="utf-8")
    python = Path(sys.executable)
    questions = speed.asked(tmp_path / "questions.txt", 6)
    return Contest(tmp_path, docs, questions, [Contender("argus", python, ARGUS), Contender("fake", python, script)], 1)


def test_argus_and_a_peer_in_one_run(race: Contest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contest, "KILL_SECONDS", 2.0)
    tuned = {row["peer"]: row for row in race.tuned()}
    assert abs(tuned["fake"]["tokens"] / tuned["argus"]["tokens"] - 1) <= contest.TOKENS_WITHIN
    rows = list(race.run(("free", "again free", "kill")))
    assert [(row["name"], row["peer"]) for row in rows] == [
        ("free", "argus"), ("free", "fake"), ("kill", "argus"), ("kill", "fake"),
    ]  # fmt: skip
    assert not [row for row in rows if "error" in row]
    by = {(row["name"], row["peer"]): row for row in rows}
    for peer in ("argus", "fake"):
        told = by["free", peer]
        assert told["pages"] == 3
        assert told["entries"] == told["unique"] == told["texts"] > 3
        assert told["tokens"] == told["tokens_given"] == tuned[peer]["tokens"]
        assert told["memory"] > 20 << 20
        assert told["index_bytes"] > 0
        assert 0 < told["seconds"] < told["command"]
        killed = by["kill", peer]
        assert killed["total"] == told["texts"]
        assert killed["before"] >= contest.KILL_AT * killed["total"]
        assert killed["entries"] == killed["unique"] == told["entries"]
    assert by["kill", "fake"]["again"] == by["kill", "fake"]["before"]  # it kept nothing
    # Finished documents are kept; up to 16 short texts are encoded together, and none is kept before all are.
    again, before = by["kill", "argus"]["again"], by["kill", "argus"]["before"]
    assert again < before or again == before <= 16


def test_a_second_run_tells_what_it_does_again(race: Contest) -> None:
    rows = [*race.run(("ours", "query ours")), *race.run(("again ours",))]
    assert not [row for row in rows if "error" in row]
    by = {(row["name"], row["peer"]): row for row in rows}
    first, again = by["ours", "fake"], by["again ours", "fake"]
    assert (again["pages"], again["texts"], again["entries"]) == (3, first["texts"], 2 * first["entries"])
    assert again["unique"] == first["unique"]
    ours = by["again ours", "argus"]
    assert (ours["pages"], ours["texts"]) == (0, 0)
    assert ours["entries"] == ours["unique"] == by["ours", "argus"]["entries"]
    asked = by["query ours", "argus"]
    assert asked["questions"] == 3
    assert asked["hits"] > 0
    assert 0 < asked["p50"] <= asked["p95"] < asked["cold"]


def test_a_peer_that_fails_says_why_and_the_others_go_on(race: Contest, tmp_path: Path) -> None:
    fake = race.contenders[1]
    broken = tmp_path / "broken.py"
    broken.write_text("raise SystemExit('no such shop')", encoding="utf-8")
    race.contenders = [Contender("broken", fake.python, broken), fake]
    first, second = race.run(["free"])
    assert (first["peer"], first["error"]) == ("broken", "exit code 1: no such shop")
    assert (second["peer"], second["pages"]) == ("fake", 3)


def test_everybody_in_turn_another_one_first() -> None:
    three = [Contender(name, Path(), Path()) for name in "abc"]
    told = [(number, job, one.name) for number, job, one in plan(3, ["free", "ours", "kill"], three)]
    assert [name for number, job, name in told if job == "ours"] == list("abcbcacab")
    assert [job for number, job, name in told if number == 1][:6] == ["ours"] * 3 + ["free"] * 3
    assert [(number, name) for number, job, name in told if job == "kill"] == [(3, "a"), (3, "b"), (3, "c")]
    assert told.index((3, "kill", "a")) == 18  # after all rounds


def test_events_are_told_apart_from_what_libraries_print() -> None:
    told = events([
        (0.1, "Loading weights: 100%"), (0.2, '{"event": "first", "hits": 5}'), (0.3, "[1]"), (0.4, '{"other": 1}'),
    ])  # fmt: skip
    assert told == {"first": {"hits": 5, "at": 0.2}}


def test_tokens_are_equal_within_a_twentieth() -> None:
    assert unequal({"argus": 1000, "a": 1050, "b": 950}) == {}
    assert unequal({"argus": 1000, "a": 1051, "b": 940}) == {"a": 1.051, "b": 0.94}
    assert unequal({"a": 1000}) == {"a": 0.0}


def test_tokens_are_those_of_our_encoder(tmp_path: Path) -> None:
    from rag.retrievers.encoders.minilm import MiniLM

    texts = ["Rain gauges", "naïve [SEP] words", "long " * 400]
    (tmp_path / "texts").write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
    read = [len(ids) for ids in MiniLM().counter.ids(texts)]
    assert common.counter()(texts) == read
    assert read[2] == common.LIMIT
    assert contest.counted(tmp_path / "texts") == (sum(read), sum(MiniLM().count(texts)) + 2 * len(texts))


def test_a_peer_without_an_environment_is_missing(tmp_path: Path) -> None:
    found, missing = contenders(["argus", *install.NAMES], tmp_path)
    assert [one.name for one in found] == ["argus"]
    assert missing == list(install.NAMES)
    (tmp_path / "langchain").mkdir()
    mark = tmp_path / "langchain" / "installed.txt"
    mark.write_text("langchain-core==0.0.1\n", encoding="utf-8")
    assert not install.ready(tmp_path, "langchain")  # from other pins
    mark.write_bytes((install.HERE / "langchain.txt").read_bytes())
    assert install.ready(tmp_path, "langchain")


@pytest.mark.parametrize("name", install.NAMES)
def test_pins_are_exact(name: str) -> None:
    lines = (install.HERE / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert {"torch", "sentence-transformers", "chromadb", "pypdf", "openvino", "tokenizers"} <= set(pins)
    assert all(version[0].isdigit() and "+" not in version for version in pins.values())


def figures(peer: str, job: str, pages: int, seconds: float, number: int = 1, tokens: int = 1000) -> dict[str, Any]:
    return {
        "name": job, "peer": peer, "round": number, "load": 1.0, "pages": pages, "seconds": seconds, "texts": 10,
        "tokens": tokens, "tokens_given": tokens + 5, "threads": 2, "cpu_seconds": 1.0, "command": 3.0,
        "encoder_seconds": 0.5, "memory": 1 << 20, "index_bytes": 1 << 20, "entries": 10, "unique": 10,
    }  # fmt: skip


def test_ratios_are_those_within_a_round() -> None:
    """A round on a busy machine is slow for all."""
    rows = [
        figures("argus", "documented", 10, 1.0), figures("langchain", "documented", 10, 4.0),
        figures("argus", "documented", 10, 10.0, 2), figures("langchain", "documented", 10, 50.0, 2),
        figures("argus", "documented", 10, 1.0, 3), figures("langchain", "documented", 10, 6.0, 3),
        {"name": "documented", "peer": "haystack", "round": 1, "error": "exit code 1: no"},
    ]  # fmt: skip
    assert speed_table.against(rows, "documented") == {"langchain": 5.0}
    goal = speed_table.judged(rows)[0]
    assert (goal["value"], goal["met"]) == (5.0, True)
    text = speed_table.markdown(rows)
    assert "| Argus is so many times faster |  | 5.0 |" in text
    assert "| ingest, as documented: times the fastest peer | 5 (LangChain) | 3 | met |" in text
    assert "haystack, documented: **failed**, exit code 1: no" in text


def test_the_nearest_peer_and_unequal_tokens_decide() -> None:
    rows = [
        figures("argus", "free", 10, 1.0), figures("langchain", "free", 10, 4.0),
        figures("haystack", "free", 10, 1.5, tokens=1200),
        {**figures("argus", "again ours", 0, 0.1), "texts": 0},
    ]  # fmt: skip
    nearest, tokens, again = speed_table.judged(rows)
    assert (nearest["value"], nearest["peer"], nearest["met"]) == (1.5, "haystack", False)
    assert (tokens["value"], tokens["met"], tokens["off"]) == (1, False, {"haystack": 1.2})
    assert again["met"]


def test_documents_are_the_ones_that_everybody_reads(tmp_path: Path) -> None:
    docs = speed.documents(tmp_path / "made", None, 7)
    assert {path.suffix for path in docs.iterdir()} == {".pdf", ".html", ".md"}
    told = speed.described(docs)
    assert told["documents"] == 5 + 4
    assert told["pages"] == 7 + 3 + 3  # the made ones, the sample's PDF, and one for each other
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.txt").write_text("words", encoding="utf-8")
    (tmp_path / "mine" / "b.mp4").write_bytes(b"0")
    assert [path.name for path in speed.documents(tmp_path / "mine-copied", tmp_path / "mine", 7).iterdir()] == [
        "a.txt"
    ]


def test_without_peers_the_run_tells_argus_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--environments", str(tmp_path / "none"), "--rounds", "1", "--pages", "5", "--only", "free", "--markdown"]
    assert speed.main([*given, str(tmp_path / "speed.md")]) == 0
    printed = capsys.readouterr()
    assert "langchain was not measured" in printed.err
    text = (tmp_path / "speed.md").read_text(encoding="utf-8")
    assert "Not measured, since not installed: LlamaIndex, LangChain, Haystack." in text
    with pytest.raises(SystemExit):
        speed.main(["--rounds", "0"])


class Words:
    """A splitter of words that begins anew on each of its pages."""

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        page = "rain mill gauge stone water wind " * 60
        words, step = page.split(), max(1, size - overlap)
        return 9, [" ".join(words[at : at + size]) for _ in range(9) for at in range(0, len(words), step)]


@pytest.mark.parametrize(("tokens", "texts"), [(3400, 36), (3700, 18), (4200, 27)])
def test_sizes_are_tuned_to_texts_and_tokens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tokens: int, texts: int
) -> None:
    given = ["tune", "--docs", str(tmp_path), "--size", "30", "--encoder", "free"]
    common.run(lambda meter: Words(), [*given, "--target-tokens", str(tokens), "--target-texts", str(texts)])  # type: ignore[arg-type, return-value]
    told = json.loads(capsys.readouterr().out)
    assert abs(told["tokens"] / tokens - 1) <= contest.TOKENS_WITHIN
    assert abs(told["tokens"] / told["texts"] / (tokens / texts) - 1) <= 0.4  # whole pages of 360 words
