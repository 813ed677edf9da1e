"""What the parsing benchmark counts as found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import parsing
from benchmarks.parsers import PARSERS, Parsed, Parser, missing
from tests.golden import pdfs

TRUTH = parsing.Truth(
    "a.pdf", 1, ("First came this.", "Then came that."),
    ({"rows": 2, "columns": 2, "cells": [[0, 0, "a"], [1, 1, "d"]]},),
    ({"box": [0.1, 0.1, 0.5, 0.5], "caption": "Figure 1: A thing"},),
)  # fmt: skip


def shares(page: Parsed) -> dict[str, float]:
    return dict(parsing.found_share(TRUTH, page))


def test_all_is_found() -> None:
    table: list[list[str | None]] = [["A", "b"], [None, "d"]]
    page = Parsed("first  CAME this. then came that", [table], [((0.1, 0.1, 0.5, 0.5), "Figure 1: A thing.")])
    assert shares(page) == dict.fromkeys(parsing.KINDS, 1.0)


def test_what_is_amiss_costs_its_kind_alone() -> None:
    page = Parsed("then came that. first came", [[["a", "b", "c"]]], [((0.4, 0.4, 0.9, 0.9), "another")])
    assert shares(page) == {
        "words": pytest.approx(5 / 6), "order": 0.5, "cells": 0.5, "tables": 0.0, "figures": 0.0, "captions": 0.0,
    }  # fmt: skip
    assert shares(Parsed())["words"] == 0


def test_the_truth_is_ten_pages_that_can_be_made(tmp_path: Path) -> None:
    wanted = parsing.truths()
    assert len(wanted) == 10
    assert sum(len(one.tables) for one in wanted) == sum(len(one.figures) for one in wanted) == 3
    assert all(path.read_bytes().startswith(b"%PDF") for path in parsing.materialised(wanted, tmp_path).values())


@pytest.mark.parametrize("name", ["Argus, mupdf", "Argus, pdfium"])
def test_argus_finds_it_all(name: str, tmp_path: Path) -> None:
    (parser,) = [one for one in PARSERS if one.name == name]
    wanted = parsing.truths()
    assert parsing.recall(parser, wanted, parsing.materialised(wanted, tmp_path)) == dict.fromkeys(parsing.KINDS, 1.0)


def test_rates_and_what_is_missing_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "many.pdf").write_bytes(pdfs.many_pages(5))
    absent = Parser("No such", "no_such_module", lambda path: [])
    monkeypatch.setattr(parsing, "PARSERS", (*PARSERS[:1], *(one for one in PARSERS if "text" in one.name), absent))
    assert parsing.main(["--root", str(tmp_path), "--rounds", "2", "--per-file", "3", "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["pages"] == 3
    assert told["missing"] == {"No such": "no_such_module"}
    assert "left out: No such (no_such_module is not installed)" in err
    assert all(len(rates) == 2 and min(rates) > 0 for rates in told["rates"].values())
    assert parsing.main(["--only", "No such"]) == 2
    assert missing(absent) == "no_such_module"
