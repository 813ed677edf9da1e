"""From what a user names to the files that are taken."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.sources import Found, found


def names(listed: list[Found], root: Path) -> list[str]:
    return [one.path.relative_to(root.resolve()).as_posix() for one in listed if not one.skip and not one.error]


def write(path: Path, text: str = "some text") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def take(*given: object, leave_out: Path = Path("/nowhere")) -> list[Found]:
    return list(found([str(one) for one in given], leave_out))


def test_a_folder_is_walked_in_order_without_hidden_ignored_and_own_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a/z.txt", "a/c.md", ".hidden.txt", ".git/x.txt", "node_modules/y.txt", "corpus/w.txt"):
        write(tmp_path / name)
    write(tmp_path / "drafts" / "d.txt")
    write(tmp_path / "e.log")
    write(tmp_path / ".ragignore", "# not these\ndrafts/\n*.log\n")
    listed = take(tmp_path, leave_out=tmp_path / "corpus")
    assert names(listed, tmp_path) == ["b.txt", "a/c.md", "a/z.txt"]


def test_data_files_only_when_named_one_by_one(tmp_path: Path) -> None:
    data = write(tmp_path / "data.json", '{"a": 1}')
    (skipped,) = take(tmp_path)
    assert "named one by one" in skipped.skip
    (taken,) = take(data)
    assert taken.media_type == "application/json"
    assert not taken.skip


def test_scripts_and_style_sheets_of_web_pages_are_left_out_of_folders(tmp_path: Path) -> None:
    for name in ("site/index.html", "site/_static/search.js", "site/site.css", "site/notes.txt", "code/app.js"):
        write(tmp_path / name)
    listed = take(tmp_path)
    assert names(listed, tmp_path) == ["code/app.js", "site/index.html", "site/notes.txt"]
    assert {one.path.name for one in listed if "named one by one" in one.skip} == {"search.js", "site.css"}
    assert names(take(tmp_path / "site" / "site.css"), tmp_path) == ["site/site.css"]


def test_globs_and_repeats(tmp_path: Path) -> None:
    write(tmp_path / "a.txt")
    write(tmp_path / "sub" / "b.txt")
    assert len(take(tmp_path / "**" / "*.txt", tmp_path / "a.txt", tmp_path)) == 2
    (missing,) = take(tmp_path / "*.nothing")
    assert missing.error is not None
    assert missing.error.kind == "missing"


def test_what_cannot_be_taken_says_why(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path / "empty.txt", "")
    (tmp_path / "binary.bin").write_bytes(bytes(range(256)) * 20)
    outside = write(tmp_path.parent / "outside.txt")
    (tmp_path / "link.txt").symlink_to(outside)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    told = {one.path.name: one for one in take(tmp_path)}
    assert told["pipe"].skip == "not a regular file"
    assert told["empty.txt"].error is not None
    assert told["empty.txt"].error.kind == "empty"
    assert told["binary.bin"].skip == "unknown file type"
    assert "leads out" in told["link.txt"].skip
    assert "loop" in told
    assert told["loop"].skip or told["loop"].error
    for name, kind in (("pipe", "unsupported"), ("binary.bin", "unsupported"), ("none.txt", "missing")):
        (named,) = take(tmp_path / name)
        assert named.error is not None, name
        assert named.error.kind == kind


def test_addresses_are_known_by_their_canonical_form_and_fetched_later() -> None:
    (one,) = take("HTTPS://Example.org:443/a.html?b=[c]#d", "https://example.org/a.html?b=[c]")
    assert (one.uri, one.url, one.error) == (
        "HTTPS://Example.org:443/a.html?b=[c]#d", "https://example.org/a.html?b=[c]", None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind"),
    [("ftp://example.org/a", "unsupported"), ("file:///etc/passwd", "unsupported"), ("http://me:pw@a.org", "refused")],
)
def test_addresses_that_are_not_taken(name: str, kind: str) -> None:
    (one,) = take(name)
    assert one.error is not None
    assert one.error.kind == kind
    assert "pw" not in str(one.error)


def test_sidecar_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt")
    write(tmp_path / "a.txt.meta.json", json.dumps({"year": 2021, "team": "x"}))
    (one,) = take(tmp_path)
    assert one.labels == {"year": 2021, "team": "x"}
    write(tmp_path / "a.txt.meta.json", "[1, 2]")
    (one,) = take(path)
    assert one.error is not None
    assert "a.txt.meta.json" in str(one.error)


@pytest.mark.parametrize("name", ["a\nb.txt", "a\u202eb.txt", "日本.txt", " lead.txt", "per%cent_.txt"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)
    assert names(take(tmp_path), tmp_path) == [name]


@given(st.text(max_size=40))
def test_any_text_as_a_name_is_an_answer_not_a_crash(name: str) -> None:
    for one in found([name] if name.strip("/.*") else [], Path("/nowhere")):
        assert isinstance(one, Found)
        break
