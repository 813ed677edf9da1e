"""`rag evaluate` from question lines to table, JSON, page and TREC files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import ir_measures
import pytest
from filelock import FileLock
from rag.pipelines.evaluate import page, running, tables
from rag.pipelines.evaluate.records import About, Covered, Found, Judged, Record, Run, Said, load
from rag.pipelines.evaluate.scoring import LABELS, scored
from rag.pipelines.evaluate.summary import compared, summarised

from rag.answer import Query
from rag.cli import main
from rag.corpus import Corpus
from rag.errors import GenerationError
from tests.golden import scorers
from tests.golden.pdfs import ruled_table

Rag = Callable[..., tuple[int, str, str]]

QUESTIONS: tuple[dict[str, object], ...] = (
    {"id": "roof", "question": "Where does the rain gauge stand?", "answers": ["on the roof"], "doc": "gauge.txt",
     "block_text": "stands on the  roof of the school", "kinds": ["text"]},
    {"id": "mast", "question": "How high is the wind mast?", "answers": ["10 metres", "ten metres"],
     "doc": "pages/wind.html", "path": "/html/body/p[1]", "kinds": ["text"]},
    {"id": "wood", "question": "Of what is the wind mast made?", "answers": ["larch"], "doc": "wind.html",
     "block_text": "made of larch"},
    {"id": "table", "question": "What does the table say of the pump?", "answers": ["x"], "doc": "table.pdf",
     "pages": [1], "boxes": [{"page": 1, "box": [0.1, 0.1, 0.9, 0.9]}], "kinds": ["table"]},
    {"id": "void", "question": "Zyxwv qponm?", "answerable": False, "doc": "table.pdf"},
)  # fmt: skip


def write(path: Path, lines: Sequence[Mapping[str, object] | str]) -> Path:
    path.write_text("\n".join(one if isinstance(one, str) else json.dumps(one) for one in lines) + "\n")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "pages").mkdir(parents=True)
    (folder / "gauge.txt").write_text(
        "The rain gauge stands on the roof of the school in Harby.\n\nIt is read at nine every morning.\n"
    )
    (folder / "pages" / "wind.html").write_text(
        "<html><body><h1>Wind</h1><p>The wind mast is ten metres high and made of larch.</p><p>It hums.</p></body>"
    )
    (folder / "table.pdf").write_bytes(ruled_table())
    (folder / "other.txt").write_text("No question names this file.")
    write(folder / "manifest.jsonl", QUESTIONS)
    return folder


@pytest.fixture
def rag(hashed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rag:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = main(["evaluate", *(str(one) for one in arguments), "--corpus", str(hashed)])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def filled(rag: Rag, root: Path, hashed: Path) -> Rag:
    files = [str(root / name) for name in ("gauge.txt", "pages/wind.html", "table.pdf")]
    assert main(["add", *files, "--corpus", str(hashed), "--workers", "0"]) == 0
    return rag


def test_the_named_documents_are_ingested_and_no_other(rag: Rag, root: Path, hashed: Path) -> None:
    code, out, err = rag(root / "manifest.jsonl", "--root", root)
    assert (code, err) == (0, "")
    assert out.count("done  ") == 3
    names = sorted(Path(one.sources[0].uri).name for one in Corpus(hashed).documents())
    assert names == ["gauge.txt", "table.pdf", "wind.html"]
    assert "5 questions, 4 answerable, 1 not; unit: block, page" in out
    for name in ("page@1", "R@10", "RR@10", "nDCG@10", "box@5", "token F1", "refused, not answerable", "by kind"):
        assert name in out
    code, out, _ = rag(root / "manifest.jsonl", "--root", root)
    assert code == 0
    assert "done  " not in out


def test_json_and_the_scores_of_known_places(filled: Rag, root: Path) -> None:
    code, out, _ = filled(root / "manifest.jsonl", "--json", "--ks", 5, 1)
    told = json.loads(out)
    assert code == 0
    assert (told["questions"], told["answerable"], told["units"], told["ks"]) == (5, 4, ["block", "page"], [1, 5])
    within = told["found"]["document"]
    assert {"page@1", "page@5", "R@1", "R@5", "RR@5", "nDCG@5", "box@1", "box@5"} == set(within)
    assert within["page@5"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 4}
    assert within["box@5"]["n"] == 1
    assert told["kinds"]["text"]["questions"] == told["kinds"]["text"]["found"]["corpus"]["page@1"]["n"] == 2
    assert told["answers"]["refused_answerable"]["n"] == 4
    assert told["answers"]["refused_unanswerable"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert told["faults"] == []


def test_bad_lines_are_told_and_the_others_asked(filled: Rag, root: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "table.pdf").write_bytes(ruled_table() + b"\n%other bytes")
    assert main(["add", str(tmp_path / "copy"), "--corpus", str(tmp_path / "corpus"), "--workers", "0"]) == 0
    lines = [QUESTIONS[0], "{", {"id": "a", "question": "?", "doc": "guage.txt"}, QUESTIONS[3], QUESTIONS[4],
             {"id": "b", "question": "?", "doc": "wind.html", "path": "//p"}]  # fmt: skip
    file = write(tmp_path / "q.jsonl", lines)
    code, out, err = filled(file, "--json", "--no-answers")
    told = json.loads(out)
    assert (code, told["questions"]) == (3, 1)
    assert [one["line"] for one in told["faults"]] == [2, 3, 4, 5, 6]
    assert re.search(r"line 3: doc 'guage.txt' is not in the corpus; nearest: .*gauge.txt", err)
    assert re.search(r"lines 4, 5: doc 'table.pdf' is ambiguous: .*copy/table.pdf, .*documents/table.pdf", err)
    assert filled(write(tmp_path / "none.jsonl", ["{"]))[0] == 2


def test_root_names_what_is_missing_or_ambiguous_there(rag: Rag, root: Path, tmp_path: Path) -> None:
    (root / "pages" / "gauge.txt").write_text("another")
    missing = {"id": "z", "question": "?", "doc": "tabel.pdf", "pages": [1]}
    code, out, err = rag(write(tmp_path / "q.jsonl", [*QUESTIONS, missing]), "--root", root, "--json", "--no-answers")
    assert code == 3
    assert json.loads(out)["questions"] == 4
    assert re.search(r"line 1: doc 'gauge.txt' is ambiguous: .*documents/gauge.txt, .*pages/gauge.txt", err)
    assert re.search(r"line 6: doc 'tabel.pdf' is not in .*documents; nearest: .*table.pdf", err)
    assert rag(root / "manifest.jsonl", "--root", root / "gauge.txt")[0] == 2


@pytest.mark.parametrize(
    "arguments",
    [(), ("q.jsonl", "--compare", "a", "b"), ("none.jsonl",), ("--compare", "a", "b"), ("manifest", "--ks", "0"),
     ("manifest", "--limit", "0"), ("manifest", "--scopes", "page")],
)  # fmt: skip
def test_usage(filled: Rag, root: Path, arguments: tuple[str, ...]) -> None:
    given = [root / "manifest.jsonl" if one == "manifest" else one for one in arguments]
    assert filled(*given)[0] == 2


def test_gold_that_cannot_be_is_noted(filled: Rag, tmp_path: Path) -> None:
    lines = [{"id": "0", "question": "the pump", "doc": "table.pdf", "pages": [0]},
             {"id": "9", "question": "the pump", "doc": "table.pdf", "pages": [1, 99]}]  # fmt: skip
    code, out, _ = filled(write(tmp_path / "q.jsonl", lines), "--no-answers", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["notes"] == [
        "line 1: page 0 is passed over, as pages count from 1",
        "line 2: page 99 is named, table.pdf has 1",
        "1 answerable without a gold place: counted as not found, whatever is found",
    ]
    assert told["found"]["corpus"]["page@10"]["mean"] == 0.5
    assert told["found"]["corpus"]["R@10"]["mean"] == 0.25


def test_a_run_is_kept_in_trec_format(filled: Rag, root: Path, tmp_path: Path) -> None:
    _, out, _ = filled(root / "manifest.jsonl", "--runs", "kept", "--json")
    told, folder = json.loads(out), tmp_path / "kept"
    assert {one.name for one in folder.iterdir()} >= {
        "run.json", "records.jsonl", "qrels.txt", "corpus.run", "document.run",
    }  # fmt: skip
    measures = [ir_measures.R @ 5, ir_measures.RR @ 10, ir_measures.nDCG @ 10]
    for scope in ("corpus", "document"):
        theirs = ir_measures.calc_aggregate(
            measures, list(ir_measures.read_trec_qrels(str(folder / "qrels.txt"))),
            list(ir_measures.read_trec_run(str(folder / f"{scope}.run"))),
        )  # fmt: skip
        for measure, value in theirs.items():
            assert told["found"][scope][str(measure)]["mean"] == pytest.approx(value, abs=1e-4)


def test_a_stopped_run_goes_on(filled: Rag, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = json.loads(filled(root / "manifest.jsonl", "--json", "--runs", "whole")[1])
    file, asked = tmp_path / "kept" / "records.jsonl", []

    def counted(corpus: Corpus, one: running.Placed, run: Run, *judge: Any) -> Record:
        if len(asked) == 2:
            raise KeyboardInterrupt
        asked.append(one.question.id)
        return plain(corpus, one, run, *judge)

    plain = running.asked
    monkeypatch.setattr(running, "asked", counted)
    assert filled(root / "manifest.jsonl", "--json", "--runs", "kept")[0] == 130
    with open(file, "a") as torn:
        torn.write('{"id": "wood", "tex')
    asked[:] = []
    monkeypatch.setattr(
        running, "asked", lambda corpus, one, *rest: (asked.append(one.question.id), plain(corpus, one, *rest))[1]
    )
    code, out, _ = filled(root / "manifest.jsonl", "--json", "--runs", "kept")
    assert (code, asked) == (0, ["wood", "table", "void"])
    again = json.loads(out)
    assert {**again, "seconds": 0} == {**whole, "seconds": 0}
    asked[:] = []
    changed = write(tmp_path / "q.jsonl", [{**QUESTIONS[0], "answers": ["elsewhere"]}, *QUESTIONS[1:]])
    assert filled(changed, "--json", "--runs", "kept")[0] == 0
    assert asked == ["roof"]


def test_a_folder_holds_one_kind_of_run(filled: Rag, root: Path, tmp_path: Path) -> None:
    assert filled(root / "manifest.jsonl", "--runs", "kept", "--no-answers")[0] == 0
    code, _, err = filled(root / "manifest.jsonl", "--runs", "kept", "--ks", 40, "--no-answers")
    assert code == 2
    assert "other depth" in err
    assert "other answers" in filled(root / "manifest.jsonl", "--runs", "kept")[2]
    with FileLock(tmp_path / "kept" / ".lock"):
        code, _, err = filled(root / "manifest.jsonl", "--runs", "kept", "--no-answers")
    assert code == 2
    assert "another process" in err
    (tmp_path / "kept" / "run.json").write_text('{"format": 9}')
    assert "format 9" in filled("--compare", "kept", "kept")[2]


def test_a_model_that_fails_is_a_fault_and_asked_again(
    filled: Rag, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing, plain = {"How high is the wind mast?"}, Corpus.answers

    def answers(self: Corpus, queries: list[Query], *rest: Any) -> Any:
        if queries[0].text in failing or "all" in failing:
            raise GenerationError("out of order", model="m")
        return plain(self, queries, *rest)

    monkeypatch.setattr(Corpus, "answers", answers)
    code, out, err = filled(root / "manifest.jsonl", "--runs", "kept", "--json")
    assert (code, json.loads(out)["questions"]) == (3, 4)
    assert "m: out of order" in err
    failing.clear()
    assert filled(root / "manifest.jsonl", "--runs", "kept")[0] == 0
    failing.update(str(QUESTIONS[at]["question"]) for at in (0, 2, 4))  # never three in a row
    assert filled(root / "manifest.jsonl")[0] == 3
    failing.add("all")
    assert filled(root / "manifest.jsonl")[0] == 1


def test_two_runs_are_compared(filled: Rag, root: Path, tmp_path: Path) -> None:
    profile = tmp_path / "words.toml"
    profile.write_text('[retriever]\nuse = "retrievers/lexical"\nindex = "@text"\n')
    assert filled(root / "manifest.jsonl", "--runs", "a")[0] == 0
    assert filled(root / "manifest.jsonl", "--runs", "b", "--profile", profile, "--scopes", "corpus")[0] == 0
    code, out, _ = filled("--compare", "a", "a")
    assert code == 0
    assert out.count("1.000   within noise") == len(re.findall(r"\n[^\n]*within noise", out)) > 15
    code, out, _ = filled("--compare", "a", "b", "--json", "--html", "cmp.html")
    told = json.loads(out)
    assert (code, told["questions"], list(told["found"])) == (0, 5, ["corpus"])
    assert set(told["found"]["corpus"]["page@1"]) == {"a", "b", "difference", "p", "verdict"}
    assert "words.toml" in told["b"]
    assert_whole((tmp_path / "cmp.html").read_text())


def record(id: str, rank: int, answerable: bool = True) -> Record:
    hits = tuple(Covered(f"c{at}", 1.0 / at, ("d/gold" if at == rank else f"d/{at}",)) for at in range(1, 11))
    return Record(
        id, f"digest {id}", "<b>&", answerable, ("a",), "d", ("k<i>",), "page", ("d/gold",), False,
        (Found("corpus", hits),), Said("b", not answerable, ("d/gold",)),
    )  # fmt: skip


ABOUT = About("c", "local", "d", "p", 30, ("corpus",), True, "0")


def test_a_clear_difference_is_no_noise() -> None:
    worse, better = ([record(str(at), rank) for at in range(20)] for rank in (7, 1))
    told = compared(worse, [*better, record("more", 1)], (1, 5, 10))
    assert (told.questions, told.left_out) == (20, 1)
    lines = tables.comparison_lines(told, "a", "b")
    assert next(one for one in lines if one.startswith("page@1 ")).endswith("B is higher")
    assert next(one for one in lines if one.startswith("page@10")).endswith("within noise")
    assert tables.comparison_lines(compared(better, worse, (1,)), "b", "a")[6].endswith("B is lower")
    with pytest.raises(ValueError, match="no question in common"):
        compared(worse, [record("x", 1)], (1,))


def test_the_order_of_questions_changes_nothing() -> None:
    records = [record(str(at), at % 4 + 1, at % 3 > 0) for at in range(12)]
    told, turned = (summarised(one, (1, 5)) for one in (records, records[::-1]))
    assert told == turned
    assert told.whole["corpus"]["page@1"].mean == 2 / 8
    assert set(told.kinds) == {"k<i>"}


def test_each_measure_has_its_questions() -> None:
    """Answered rightly, refused though answerable, refused rightly, and one without gold place and answer."""
    right, unanswerable = record("right", 2), record("none", 1, False)
    refused = replace(record("refused", 3), said=Said(refused=True))
    bare = replace(record("bare", 1), gold=(), answers=(), unit="", said=Said("a", cited=("d/gold",)))
    told = scored([right, unanswerable, refused, bare], (1, 2)).groups
    assert told["corpus"]["page@1"] == {"right": 0.0, "refused": 0.0, "bare": 0.0}
    assert told["corpus"]["page@2"] == told["corpus"]["R@2"] == {"right": 1.0, "refused": 0.0, "bare": 0.0}
    assert told["answers"] == {
        "contains": {"right": 0.0, "refused": 0.0},
        "f1": {"right": 0.0, "refused": 0.0},
        "rouge_l": {"right": 0.0, "refused": 0.0},
        "citation_precision": {"right": 1.0},
        "citation_recall": {"right": 1.0, "refused": 0.0},
        "refused_answerable": {"right": 0.0, "refused": 1.0, "bare": 0.0},
        "refused_unanswerable": {"none": 1.0},
        "evidence_gold": {"right": 0.0, "refused": 0.0},
        "evidence_pieces": {"right": 0.0, "none": 0.0, "refused": 0.0, "bare": 0.0},
        "evidence_tokens": {"right": 0.0, "none": 0.0, "refused": 0.0, "bare": 0.0},
    }
    kept = Said("a", evidence=(Judged(0.9, True, 30), Judged(0.4, False, 20)), correctness=0.5, least_correct=0.25)
    told = scored([replace(right, said=kept), unanswerable], (1,)).groups
    assert told["answers"]["evidence_gold"] == {"right": 1.0}
    assert told["answers"]["evidence_tokens"] == {"right": 50.0, "none": 0.0}
    assert told["answers"]["evidence_precision"] == {"right": 0.5}
    assert told["answers"]["correctness"] == {"right": 0.5}
    assert told["answers"]["least_correct"] == {"right": 0.25}


def test_spans_are_judged_by_the_scorer_that_the_profile_names(filled: Rag, root: Path, tmp_path: Path) -> None:
    def measured(*options: object) -> dict[str, Any]:
        code, out, err = filled(root / "manifest.jsonl", "--json", *options)
        assert code == 0, err
        told: dict[str, Any] = json.loads(out)["answers"]
        return told

    plain = measured("--runs", "by-words")
    profile = tmp_path / "judged.toml"
    judge = f'use = "retrievers/rerankers/yes_no"\nmodel = "{scorers.causal()}"\ntemplate = "statement"'
    profile.write_text(f"[parts.correctness]\n{judge}\n")
    judged = measured("--profile", profile, "--runs", "by-model")
    assert judged["correctness"]["mean"] != plain["correctness"]["mean"]
    assert judged["least_correct"]["mean"] <= judged["correctness"]["mean"]
    assert judged["evidence_gold"] == plain["evidence_gold"]
    assert filled(root / "manifest.jsonl", "--json", "--runs", "by-words", "--profile", profile)[0] == 2


class Tags(HTMLParser):
    """Which tags are there, and whether each is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def assert_whole(text: str) -> Tags:
    """Well formed, and nothing in it that runs or is fetched."""
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert {"svg", "table", "style"} <= {tag for tag, _ in tags.seen}
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in tags.seen}
    for _, attributes in tags.seen:
        assert not any(name in ("src", "href") or name.startswith("on") for name in attributes)
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    return tags


def test_the_page_is_one_file_and_says_what_it_was_told() -> None:
    records = [record(str(at), at % 4 + 1, at % 3 > 0) for at in range(12)]
    text = page.run_page(summarised(records, (1, 5)), records, ABOUT, ["a <note>"], "<file>")
    tags = assert_whole(text)
    assert not {"b", "file", "note"} & {tag for tag, _ in tags.seen}
    assert "&lt;b&gt;&amp;" in text
    assert "0.250 [" in text
    assert sum(tag == "circle" for tag, _ in tags.seen) >= 6
    assert sum(tag == "polyline" for tag, _ in tags.seen) == 1


def test_records_come_back_as_they_went(tmp_path: Path) -> None:
    run = Run(ABOUT, tmp_path / "r")
    given = [record("1", 2), record("2", 1, False)]
    for one in given:
        run.add(one)
    assert load(tmp_path / "r") == (ABOUT, given)
    assert Run(ABOUT, tmp_path / "r").done("1", "digest 1") == given[0]
    assert Run(ABOUT, tmp_path / "r").done("1", "other") is None
    (tmp_path / "r" / "records.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="line 1: not a record"):
        load(tmp_path / "r")


def test_names_of_measures_fit_their_column() -> None:
    assert max(map(len, LABELS.values())) < tables.WIDTH
