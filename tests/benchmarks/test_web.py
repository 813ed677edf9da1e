"""The benchmark of web pages and the fuzz targets, over small inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fuzz, pruning, web
from tests.golden import htmlrag

SPHINX = (
    "<html><body><div class=sphinxsidebar><a href=x>Elsewhere</a></div><div role=main><h1>Rain</h1><p>It fell on the "
    "<b>ro</b>of.</p><table><tr><th>a<th>b<tr><td>1<td>2</table><pre>x = 1</pre><img alt='a gauge on a roof'>"
    "</div><p>Copyright</p></body></html>"
)
PIECES = st.sampled_from(
    (
        "<p> <div <!-- --> <![CDATA[ ]]> <?x ?> </p> <table> <tr> <td> <a href='b'> </a> <math> <mi> <script> "
        "</script> & &#0; &lt <style> <template> <svg> <b style='font-size:0'> hidden= > < = ' \" \0 é "
        "<!DOCTYPE <br/> <pre> <textarea> <x:y> word <ul><li> </ul> <img alt='d'> <html> <body>"
    ).split(" ")
)


def test_what_the_truth_of_a_page_is(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(SPHINX)
    one = web.page(tmp_path / "a.html")
    assert one.truth == "rain it fell on the roof a b 1 2 x 1".split()
    assert (one.tables, one.code, one.figures) == (["a", "b", "1", "2"], ["x", "1"], ["a", "gauge", "on", "a", "roof"])
    (tmp_path / "b.html").write_text("<p>no rule is known")
    assert web.page(tmp_path / "b.html").truth == []


def test_shares_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(SPHINX)
    one = web.page(tmp_path / "a.html")
    assert web.quality([one], lambda page: "Rain fell on Mars: a") == {
        "words": 4 / 12, "tables": 1 / 4, "code": 0.0, "figures": 2 / 5, "content": 4 / 5,
    }  # fmt: skip
    own = web.quality([one], web.argus)
    assert own["words"] == own["tables"] == own["code"] == own["figures"] == 1.0


def test_a_line_for_each_tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in "abc":
        (tmp_path / f"{name}.html").write_text(SPHINX)
    assert web.main([str(tmp_path), "--pages", "2", "--rounds", "1", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["tool"] for row in rows][:2] == ["argus", "lxml.text_content"]
    assert all(row["pages"] == 2 and row["pages/s, best"] > 0 for row in rows)


def test_retained_answers_by_hand(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/a.html").write_text("<p>It rained &amp; snowed.</p><p>Boats sail.</p>")
    asked = [{"question": "?", "doc": "a.html", "block_text": text} for text in ("rained & snowed", "Boats", "fish")]
    assert pruning.retained(asked, tmp_path, lambda question, page: page) == 2 / 3
    assert pruning.retained(asked, tmp_path, lambda question, page: page[:30]) == 1 / 3


@pytest.mark.parametrize("target", fuzz.TARGETS.values(), ids=fuzz.TARGETS)
@settings(max_examples=120, deadline=None)
@given(data=st.binary(max_size=300) | st.lists(PIECES, max_size=30).map(lambda pieces: " ".join(pieces).encode()))
def test_no_bytes_break_a_reader(target, data: bytes) -> None:  # type: ignore[no-untyped-def]
    target(data)


def test_the_targets_over_pages_drawn_by_chance() -> None:
    for page in list(htmlrag.inputs())[:60]:
        for target in fuzz.TARGETS.values():
            target(page.encode())
