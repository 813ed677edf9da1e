"""Question lines: what is taken, and what a bad line is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.evaluate.documents import Documents, Target
from rag.pipelines.evaluate.questions import MOST_BYTES, parsed, read

from rag.document import Box, PageRegion

LINE = {
    "id": "q1",
    "question": "How deep?",
    "answers": ["4 m"],
    "doc": "well.pdf",
    "pages": [2, 3, 2],
    "kinds": ["table"],
}


def line(**changes: object) -> bytes:
    return json.dumps({**LINE, **changes}).encode()


def test_a_line_is_read_whole() -> None:
    one = parsed(line(boxes=[{"page": 2, "box": [0.1, 0.2, 0.5, 0.4]}]), 7)
    assert (one.id, one.text, one.line, one.answers, one.answerable) == ("q1", "How deep?", 7, ("4 m",), True)
    assert (one.doc, one.pages, one.kinds) == ("well.pdf", (2, 3), ("table",))
    assert one.boxes == (PageRegion(2, Box(0.1, 0.2, 0.5, 0.4)),)
    other = parsed(b'{"query": "When?", "doc": "a.mp4", "start": 1, "end": 2.5, "answers": 3}', 9)
    assert (other.id, other.text, other.span, other.answers) == ("9", "When?", (1.0, 2.5), ("3",))


def test_a_digest_names_text_and_gold_and_not_the_line() -> None:
    assert parsed(line(), 1).digest == parsed(line(), 2).digest
    changes = ({"question": "How?"}, {"pages": [2]}, {"answers": []}, {"answerable": False}, {"doc": "b.pdf"})
    digests = {parsed(line(**one), 1).digest for one in ({}, *changes)}
    assert len(digests) == 6


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"not json", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1]", "expected an object"),
        (b'{"question": "\\ud800"}', "not JSON"),
        (b'{"qestion": "x"}', "is 'qestion' meant"),
        (b'{"question": 3}', "must be text, got 3"),
        (b'{"question": "  "}', "must be text"),
        (line(answerable="no"), "true or false"),
        (line(pages=["3"]), "whole numbers"),
        (line(pages=[True]), "whole numbers"),
        (line(doc=""), "needs `doc`"),
        (line(id=True), "`id`"),
        (line(start=3), "`start` and `end`"),
        (line(start=3, end=2), "`start` and `end`"),
        (line(start=0, end=float("nan")), "`start` and `end`"),
        (line(answers=[{}]), "list of texts"),
        (line(boxes=[{"page": 1, "box": [0, 0, 2, 1]}]), "0 to 1"),
        (line(boxes=[{"page": 1, "box": [0.5, 0, 0.2, 1]}]), "top left"),
        (line(boxes=[{"page": 0, "box": [0, 0, 1, 1]}]), "count from 1"),
        (line(boxes=[[0, 0, 1, 1]]), "fractions of the page"),
        (b'"' + b"x" * MOST_BYTES + b'"', "longer than"),
    ],
)
def test_a_bad_line_is_told_what_was_expected(text: bytes, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parsed(text, 1)


def test_bad_lines_do_not_end_the_others(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    lines = [b"\xef\xbb\xbf" + line(), b"", line(id="q2"), line(), b"x" * (3 * MOST_BYTES), line(id="q3")]
    file.write_bytes(b"\n".join(lines))
    questions, faults = read(file)
    assert [(one.id, one.line) for one in questions] == [("q1", 1), ("q2", 3), ("q3", 6)]
    assert [fault.line for fault in faults] == [4, 5]
    assert "that of line 1 too" in str(faults[0])
    assert str(faults[0]).startswith(f"{file}, line 4: ")
    assert [one.id for one in read(file, 2)[0]] == ["q1", "q2"]
    with pytest.raises(ValueError, match="cannot read"):
        read(tmp_path / "none.jsonl")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = st.sampled_from([*LINE, "answerable", "path", "block_text", "start", "end", "boxes", "query"])


@given(st.dictionaries(KEYS, JSON) | JSON, st.binary(max_size=40))
def test_any_line_is_a_question_or_a_value_error(told: object, raw: bytes) -> None:
    for text in (json.dumps(told).encode(), raw):
        try:
            one = parsed(text, 1)
        except ValueError:
            continue
        assert one.text.strip()
        assert len(one.digest) == 32


def targets() -> Documents:
    uris = ["/data/a/report.pdf", "/data/b/report.pdf", "C:\\files\\plan.pdf", "/data/a/xreport.pdf", "report.html"]
    return Documents(Target(str(at) * 64, uri) for at, uri in enumerate(uris))


def test_a_document_is_found_by_the_end_of_its_path() -> None:
    found = targets()
    assert found.find("a/report.pdf").uri == "/data/a/report.pdf"
    assert found.find("xreport.pdf").uri == "/data/a/xreport.pdf"
    assert found.find("files/plan.pdf").uri == "C:\\files\\plan.pdf"
    assert found.find("./b\\report.pdf").uri == "/data/b/report.pdf"
    assert "plan.pdf" in found
    assert "eport.pdf" not in found


def test_an_ambiguous_document_names_all_and_a_missing_one_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"ambiguous: /data/a/report.pdf, /data/b/report.pdf"):
        targets().find("report.pdf")
    with pytest.raises(ValueError, match=r"not in the corpus; nearest: .*report"):
        targets().find("repor.pdf")
    with pytest.raises(ValueError, match="--root"):
        targets().find("nothing-alike.mp4")


def test_copies_of_the_same_bytes_are_one_document() -> None:
    same = Documents([Target("f" * 64, "/a/x.pdf"), Target("f" * 64, "/b/x.pdf")])
    assert same.find("x.pdf").digest == "f" * 64
    whole = Documents([Target("0" * 64, "x.pdf"), Target("1" * 64, "/b/x.pdf")])
    assert whole.find("x.pdf").digest == "0" * 64
