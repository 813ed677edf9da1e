"""What each channel finds, by what is asked for."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest
from rag.pipelines.evaluate.modality import by_modality, channels, lines, markdown, modalities, plain
from rag.pipelines.evaluate.questions import parsed
from rag.pipelines.evaluate.running import Placed, placed

from rag.cli import main
from rag.corpus import Corpus
from tests.golden.captioners import Colours
from tests.golden.pdfs import ruled_table
from tests.pipelines.test_ingest import add
from tests.pipelines.test_summarise import noisy, run

QUESTIONS: tuple[dict[str, Any], ...] = (
    {"id": "photo", "question": "a red barn", "doc": "1.png", "pages": [1]},
    {"id": "words", "question": "Where does the gauge stand?", "doc": "gauge.md", "block_text": "stands on the roof"},
    {"id": "pump", "question": "pump", "doc": "table.pdf", "pages": [1],
     "boxes": [{"page": 1, "box": [0.2, 0.2, 0.5, 0.3]}]},
    {"id": "both", "question": "pump", "doc": "table.pdf", "pages": [1], "kinds": ["Chart", "Table"]},
    {"id": "void", "question": "Zyxwv?", "answerable": False, "doc": "table.pdf"},
)  # fmt: skip


@pytest.fixture
def corpus(hashed: Path, tmp_path: Path) -> Path:
    (tmp_path / "1.png").write_bytes(noisy("red"))
    (tmp_path / "2.png").write_bytes(noisy("blue"))
    (tmp_path / "gauge.md").write_text(
        "# Gauge\n\nThe gauge stands on the roof.\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
    )
    (tmp_path / "table.pdf").write_bytes(ruled_table())
    add(hashed, *(tmp_path / name for name in ("1.png", "2.png", "gauge.md", "table.pdf")))
    run(hashed, Colours())
    return hashed


def asked(opened: Corpus, *lines: dict[str, Any]) -> list[Placed]:
    given = [parsed(json.dumps(line).encode(), at) for at, line in enumerate(lines or QUESTIONS, 1)]
    found, faults = placed(opened, given, "questions.jsonl")
    assert faults == []
    return found


def test_the_modality_is_that_of_the_kinds_else_of_the_gold_place(corpus: Path) -> None:
    with Corpus(corpus) as opened:
        told = {one.question.id: modalities(opened, one) for one in asked(opened)}
        assert told == {
            "photo": ("photo",), "words": ("text",), "pump": ("table",), "both": ("table", "figure"), "void": ("text",),
        }  # fmt: skip
        kinds = {
            "Pure-text (Plain-text)": "text", "Generalized-text (Layout)": "text", "scan": "text", "Figure": "figure",
            "video": "video", "photo": "photo", "Chart": "figure", "paragraph": "text",
        }  # fmt: skip
        for kind, expected in kinds.items():
            (one,) = asked(opened, {"id": "x", "question": "x", "doc": "table.pdf", "pages": [1], "kinds": [kind]})
            assert modalities(opened, one) == (expected,)
        cells = {"id": "x", "question": "x", "doc": "gauge.md", "block_text": "1 2"}
        assert modalities(opened, asked(opened, cells)[0]) == ("table",)


def test_each_channel_alone_and_all_together(corpus: Path) -> None:
    with Corpus(corpus) as opened:
        assert [name for name, _ in channels(opened)] == ["lexical", "hash", "summaries", "fused"]
        table = by_modality(opened, asked(opened), [1, 3])
    assert table.counts == {"text": 1, "table": 2, "figure": 1, "photo": 1}
    found = {(row.modality, row.channel): row.found[1].mean for row in table.rows}
    assert len(found) == 4 * 4
    assert (found["photo", "summaries"], found["photo", "hash"], found["photo", "fused"]) == (1.0, 0.0, 1.0)
    assert (found["text", "hash"], found["text", "summaries"], found["text", "fused"]) == (1.0, 0.0, 1.0)
    told = plain(table)
    assert told["photo"]["channels"]["summaries"]["found@1"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 1}
    assert "photo (1)" in "\n".join(lines(table))
    assert "| photo (1) | summaries | 1.00 [1.00, 1.00] |" in markdown(table)


def test_the_command(corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(map(json.dumps, QUESTIONS)) + "\n")
    arguments = ["evaluate", str(file), "--corpus", str(corpus), "--no-answers", "--by", "modality", "--ks", "1", "5"]
    capsys.readouterr()
    assert main([*arguments, "--html", str(tmp_path / "page.html")]) == 0
    out = capsys.readouterr().out
    assert "by modality and channel" in out
    page = (tmp_path / "page.html").read_text()
    assert "By modality and channel" in page
    assert "photo: summaries" in page
    assert main([*arguments, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["by_modality"]["photo"]["questions"] == 1
    assert main([*arguments[:-5], "--json"]) == 0
    assert "by_modality" not in json.loads(capsys.readouterr().out)


def test_folders_of_photos_and_videos_become_questions(tmp_path: Path) -> None:
    for name, row in {
        "images": {"id": "i", "file": "files/a.jpg", "captions": ["a dog", "two dogs"]},
        "video": {
            "id": "v",
            "file": "v.mp4",
            "start": 1.0,
            "end": 2.0,
            "speech": "A dog.",
            "image": "images/files/a.jpg",
        },
        "html": {"id": "h", "question": "What?", "doc": "a.html", "block_text": "This."},
    }.items():  # fmt: skip
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    script = runpy.run_path(str(Path(__file__).parents[3] / "benchmarks" / "modalities.py"))
    script["main"](tmp_path / "all.jsonl", [tmp_path / name for name in ("images", "video", "html")])
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert [(row["id"], row["question"], row.get("kinds")) for row in rows] == [
        ("i-1", "a dog", ["photo"]), ("i-2", "two dogs", ["photo"]),
        ("v-0", "A dog.", ["video"]), ("v-1", "a dog", ["video"]), ("v-2", "two dogs", ["video"]), ("h", "What?", None),
    ]  # fmt: skip
    assert rows[2]["doc"] == "video/v.mp4"
    for row in rows:
        parsed(json.dumps(row).encode(), 1)
