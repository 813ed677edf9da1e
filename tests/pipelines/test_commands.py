"""The command `rag`, as a person and as a program use it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rag.cli import main
from tests.golden import images
from tests.golden.pdfs import encrypted, many_pages, ruled_table

Run = Callable[..., tuple[int, str, str]]

HIT_FIELDS = {
    "rank", "score", "chunk_id", "modality", "source", "title", "page", "box", "path", "start", "end", "places", "text",
    "headings", "parts",
}  # fmt: skip
ANSWER_FIELDS = {
    "query", "answer", "abstained", "reason", "near_misses", "citations", "claims", "evidence", "usage", "seconds",
}  # fmt: skip


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "gauge.md").write_text(
        "# Gauge\n\nThe rain gauge stands on the roof of the school in Harby.\n\nIt is read at nine every morning.\n"
    )
    (folder / "wind.html").write_text("<h1>Wind</h1><p>The wind mast is ten metres high and made of larch.</p>")
    (folder / "table.pdf").write_bytes(ruled_table())
    return folder


@pytest.fixture
def rag(hashed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        try:
            code = main([*(str(one) for one in arguments), "--corpus", str(hashed)])
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def filled(rag: Run, documents: Path) -> Run:
    assert rag("add", documents, "--workers", 0)[0] == 0
    return rag


def lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_add_prints_a_line_a_document_and_a_summary(rag: Run, documents: Path) -> None:
    (documents / "secret.pdf").write_bytes(encrypted())
    code, out, _ = rag("add", documents, "--workers", 0, "--json")
    told = lines(out)
    assert code == 3
    assert [set(one) for one in told[:-1]] == [
        {"source", "status", "pages", "chunks", "seconds", "warnings", "error"}
    ] * 4
    failed = next(one for one in told[:-1] if one["status"] == "failed")
    assert set(failed["error"]) == {"type", "message", "place"}  # type: ignore[call-overload]
    assert told[-1]["summary"]["done"] == 3  # type: ignore[index]
    code, out, _ = rag("add", documents / "gauge.md", "--workers", 0)
    assert code == 0
    assert "1 unchanged" in out


@pytest.mark.parametrize(
    "arguments",
    [("add",), ("search",), ("search", "x", "--queries", "f"), ("search", "x", "--where", "shade=red"),
     ("search", "x", "--where", "nonsense"), ("search", "x", "--k", "-1"), ("nonsense",), ("show", "zz"),
     ("add", "x", "--label", "a b=c"), ("label", "x"), ("search", "--queries", "missing.jsonl")],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_a_sentence(filled: Run, arguments: tuple[str, ...]) -> None:
    code, out, err = filled(*arguments)
    assert code == 2
    assert out == ""
    assert err.strip()
    assert "Traceback" not in err


def test_search_json_is_the_contract(filled: Run, documents: Path) -> None:
    code, out, _ = filled("search", "where does the rain gauge stand", "--k", 2, "--json")
    (told,) = lines(out)
    assert code == 0
    assert set(told) == {"query", "hits", "seconds"}
    hits = told["hits"]
    assert isinstance(hits, list)
    assert set(hits[0]) >= HIT_FIELDS
    assert hits[0]["source"] == str(documents / "gauge.md")
    assert hits[0]["rank"] == 1
    assert len(hits) == 2
    for hit in hits[0]["parts"].values():
        assert set(hit) == {"rank", "score"}


def test_places_by_kind_of_document(filled: Run) -> None:
    def first(source: str, question: str) -> dict[str, object]:
        _, out, _ = filled("search", question, "--where", f"source={source}", "--k", 1, "--json")
        hit: dict[str, object] = json.loads(out)["hits"][0]
        return hit

    page = first("table.pdf", "table")
    assert page["page"] == 1
    assert isinstance(page["box"], list)
    assert page["path"] is None
    block = first("wind.html", "wind mast")
    assert str(block["path"]).startswith("/")
    assert block["page"] is block["box"] is block["start"] is None


def test_queries_come_back_in_order_with_ids_and_filters(filled: Run, tmp_path: Path) -> None:
    asked = [
        {"id": "a", "query": "wind mast"},
        {"id": 7, "query": "rain gauge", "where": {"source": "wind.html"}},
        {"id": "c", "query": ""},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(one) for one in asked))
    code, out, _ = filled("search", "--queries", "q.jsonl", "--json", "--k", 3)
    told = lines(out)
    assert code == 0
    assert [one["id"] for one in told] == ["a", 7, "c"]
    assert {Path(hit["source"]).name for hit in told[1]["hits"]} == {"wind.html"}  # type: ignore[index, union-attr, attr-defined]
    assert told[2]["hits"] == []


def test_a_bad_line_does_not_end_the_others(filled: Run, tmp_path: Path) -> None:
    bad = ['{"id": 1}', "{not json", '{"query": 5}', '{"query": "rain", "where": {"shade": "red"}}', "[1]"]
    (tmp_path / "q.jsonl").write_text("\n".join([*bad, '{"id": "good", "query": "rain gauge"}']))
    for command in ("ask", "search"):
        code, out, _ = filled(command, "--queries", "q.jsonl", "--json")
        told = lines(out)
        assert code == 3
        assert [one["id"] for one in told] == [1, 2, 3, 4, 5, "good"]
        for number, one in enumerate(told[:-1], 1):
            error = one["error"]
            assert isinstance(error, dict)
            assert f"line {number}" in error["message"]
        assert "error" not in told[-1]
    code, _, err = filled("search", "--queries", "q.jsonl")
    assert code == 3
    assert all(f"line {number}" in err for number in range(1, 6))


def test_an_answer_flows_as_it_comes_and_lists_its_evidence(filled: Run) -> None:
    code, out, _ = filled("ask", "Where does the rain gauge stand?")
    assert code == 0
    text, evidence = out.split("\n\n", 1)
    assert "roof of the school" in text
    assert "rag show " in evidence


def test_ask_json_is_the_contract(filled: Run) -> None:
    code, out, _ = filled("ask", "Where does the rain gauge stand?", "--json")
    (told,) = lines(out)
    assert code == 0
    assert set(told) == ANSWER_FIELDS
    assert "roof of the school" in str(told["answer"])
    assert told["abstained"] is False
    evidence = told["evidence"]
    assert isinstance(evidence, list)
    assert set(evidence[0]) >= HIT_FIELDS | {"number", "relevance"}
    for citation in told["citations"]:  # type: ignore[attr-defined]
        assert set(citation["evidence"]) <= {one["number"] for one in evidence}
        assert str(told["answer"])[citation["start"] : citation["end"]].strip()


def test_ask_refuses_what_the_corpus_does_not_hold(filled: Run) -> None:
    _, out, _ = filled("ask", "Who won the chess championship in Reykjavik?", "--json")
    (told,) = lines(out)
    assert told["abstained"] is True
    assert told["reason"]
    assert told["citations"] == []
    code, out, _ = filled("ask", "Who won the chess championship in Reykjavik?")
    assert code == 0
    assert "No answer" in out


def test_explain_tells_each_channel_and_what_was_dropped(filled: Run) -> None:
    _, out, _ = filled("search", "wind mast", "--k", 1, "--explain", "--json")
    (told,) = lines(out)
    stages = {stage["stage"]: stage["candidates"] for stage in told["stages"]}  # type: ignore[index, attr-defined]
    assert {"dense", "lexical"} <= set(stages)
    fates = [one["dropped"] for one in stages["dense"]]
    assert None in fates
    assert any(fate for fate in fates)


def test_show_writes_the_crop(filled: Run, tmp_path: Path) -> None:
    _, out, _ = filled("search", "table", "--where", "source=table.pdf", "--where", "modality=table", "--json")
    id = json.loads(out)["hits"][0]["chunk_id"]
    code, out, _ = filled("show", id[:10], "--out", "crop.png", "--around", 1)
    assert code == 0
    assert (tmp_path / "crop.png").read_bytes().startswith(b"\x89PNG")
    assert "table.pdf, page 1" in out
    code, out, _ = filled("show", id, "--page", "--json", "--out", "page.png")
    assert json.loads(out)["picture"] == "page.png"
    _, out, _ = filled("search", "gauge", "--where", "source=*gauge.md", "--k", 1, "--json")
    text = lines(out)[0]["hits"][0]["chunk_id"]  # type: ignore[index]
    code, out, err = filled("show", text, "--out", "text.png")
    assert (code, (tmp_path / "text.png").exists()) == (0, False)
    assert "no picture: it lies on no page" in err
    assert "no picture" not in filled("show", text)[2]
    (tmp_path / "documents" / "table.pdf").unlink()
    (tmp_path / "corpus" / "cache").rename(tmp_path / "elsewhere")
    code, out, err = filled("show", id)
    assert code == 0
    assert "no picture" in err
    assert "gone" in err


def test_show_lists_and_draws_what_was_read(filled: Run, tmp_path: Path) -> None:
    code, out, err = filled("show", "--elements", "table.pdf", "--page", "1", "--out", "all.png")
    assert code == 0
    assert "all.png" in err
    assert "1. paragraph table.pdf, page 1" in out.replace(str(tmp_path) + "/documents/", "").replace("documents/", "")
    drawn = (tmp_path / "all.png").read_bytes()
    _, out, _ = filled("show", "table.pdf", "--elements", "--json", "--out", "again.png")
    told = json.loads(out)
    assert [one["role"] for one in told["elements"]].count("table") == 1
    assert told["page"] == 1
    assert (tmp_path / "again.png").read_bytes() == drawn
    code, out, err = filled("show", "--elements", "gauge.md")
    assert code == 0
    assert "heading" in out
    assert "no pages" in err
    assert filled("show", "--elements", "table.pdf", "--page", "one")[0] != 0
    assert "no elements on page 9" in filled("show", "--elements", "table.pdf", "--page", "9")[1]


def test_add_takes_pages_and_passwords(rag: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_PASSWORD_FILE", "")  # what the command sets is taken back
    (tmp_path / "many.pdf").write_bytes(many_pages(5))
    (tmp_path / "locked.pdf").write_bytes(encrypted())
    (tmp_path / "passwords").write_text("no\nlocked.pdf\tuser\n")
    code, out, _ = rag(
        "add", "many.pdf", "locked.pdf", "--pages", "1,4-", "--password-file", "passwords", "--workers", "0", "--json"
    )
    assert code == 0
    assert {one["source"]: one["pages"] for one in lines(out) if "source" in one} == {"many.pdf": 3, "locked.pdf": 1}
    assert "user" not in "".join(one.read_text(errors="ignore") for one in (tmp_path / "corpus").rglob("*.toml"))
    assert rag("add", "many.pdf", "--pages", "x", "--workers", "0")[0] == 2
    assert rag("add", "many.pdf", "--password-file", "none")[0] == 2


def test_list_label_remove(filled: Run) -> None:
    assert filled("label", "*.md", "year=2021")[0] == 0
    _, out, _ = filled("list", "--where", "label.year=2021", "--json")
    (told,) = lines(out)
    assert told["labels"] == {"year": "2021"}
    _, out, _ = filled("remove", "gauge.md", "--json")
    assert lines(out)[0]["status"] == "removed"
    code, _, err = filled("remove", "gauge.md")
    assert code == 1
    assert "rag list" in err
    _, out, _ = filled("list")
    assert "wind.html" in out
    assert "gauge.md" not in out


def test_near_duplicates_are_told(filled: Run, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        (folder / f"{number}.png").write_bytes(images.saved(images.scenery(number), "PNG"))
    (folder / "copy.jpg").write_bytes(images.saved(images.scenery(1).resize((200, 150)), "JPEG", quality=50))
    filled("add", str(folder))
    told = {Path(one["sources"][0]).name: one["near_duplicates"] for one in lines(filled("list", "--json")[1])}
    assert {name: [Path(uri).name for uri in uris] for name, uris in told.items() if uris} == {
        "1.png": ["copy.jpg"], "copy.jpg": ["1.png"],
    }  # fmt: skip
    assert "looks like" in filled("list")[1]
    filled("remove", "1.png")
    assert not any(one["near_duplicates"] for one in lines(filled("list", "--json")[1]))


def test_check_repair_reindex_gc(filled: Run, hashed: Path, documents: Path) -> None:
    assert filled("check")[1].strip() == "the corpus holds together"
    state = hashed / "text" / "state.json"
    state.write_text("damage")
    code, out, _ = filled("check", "--json")
    assert code == 1
    assert json.loads(out)["ok"] is False
    assert filled("check", "--repair")[0] == 0
    assert filled("check")[0] == 0
    (documents / "gauge.md").write_text("changed")
    code, out, _ = filled("check")
    assert code == 1
    assert "changed since" in out
    filled("remove", "gauge.md")
    _, out, _ = filled("gc", "--json")
    assert json.loads(out)["vectors"] >= 1
    _, out, _ = filled("reindex", "--index", "exact", "--json")
    told = json.loads(out)
    assert told["encoded"] == 0
    assert told["text"] == told["vectors"] > 0


def test_describe_components_doctor_init(filled: Run, tmp_path: Path) -> None:
    _, out, _ = filled("describe")
    assert "retrievers/fused" in out
    assert "generators/quote" in out
    assert "encoder hash: hash.64" in out
    assert main(["components", "retrievers", "--json"]) == 0
    assert filled("doctor")[0] == 0
    assert main(["init", "--corpus", str(tmp_path / "new"), "--profile", str(tmp_path / "mine.toml")]) == 0
    assert (tmp_path / "new" / "corpus.toml").exists()
    code, _, err = filled("search", "wind", "--profile", tmp_path / "mine.toml")
    assert code == 0, err
    assert main(["init", "--corpus", str(tmp_path / "new"), "--profile", str(tmp_path / "mine.toml")]) == 2


def test_no_corpus_is_a_sentence_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "x", "--corpus", str(tmp_path / "none")]) == 1
    assert "rag add" in capsys.readouterr().err


def test_help_of_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    from rag import registry

    for name in registry.names("pipelines/commands"):
        with pytest.raises(SystemExit) as stopped:
            main([name.rsplit("/", 1)[1], "--help"])
        assert stopped.value.code == 0
        assert len(capsys.readouterr().out) > 100
    assert main([]) == 2
    assert "rag ask" in capsys.readouterr().out


def test_a_name_cannot_rewrite_the_terminal(rag: Run, documents: Path) -> None:
    name = "a\x1b[2Jb\u202e.txt"
    (documents / name).write_text("The heron stands in the ford.")
    _, out, _ = rag("add", documents, "--workers", 0)
    assert "\x1b" not in out
    assert "\\x1b[2Jb\\u202e.txt" in out
    for told in (rag("search", "heron ford"), rag("ask", "Where does the heron stand?"), rag("list")):
        assert "\x1b" not in told[1]
        assert "\u202e" not in told[1]
