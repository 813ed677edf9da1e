"""What goes wrong in a parser costs one document: hangs, crashes, growth, noise, surprises."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from rag.pipelines import prefetch
from rag.pipelines.commands import add
from rag.pipelines.rendering import Renderer
from rag.pipelines.workers import Limits, Worker

from rag.corpus import Corpus
from rag.errors import SourceError
from rag.report import Outcome
from tests.golden import hostile_pdfs, images

LIMITS = Limits(seconds=3, memory=300 * 2**20)


def added(corpus: Path, files: dict[str, str], workers: int = 2, limits: Limits = LIMITS) -> dict[str, Outcome]:
    folder = corpus.parent / "documents"
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text)
    adding = Corpus(corpus).adding(workers=workers, limits=limits)
    return {Path(one.source).name: one for one in adding.outcomes([str(folder)])}


@pytest.mark.parametrize(
    ("order", "kind", "words"),
    [
        ("hang", "limit", "longer than 3 s"),
        ("crash", "crashed", "signal 11"),
        ("grow", "limit", "memory"),
        ("exit", "crashed", "exit code 3"),
        ("raise", "damaged", "ZeroDivisionError"),
        ("refuse", "damaged", "refused by the loader"),
    ],
)
def test_one_bad_document_costs_itself_alone(faulty_corpus: Path, order: str, kind: str, words: str) -> None:
    told = added(faulty_corpus, {"a.csv": "well", "b.csv": f"first part\n{order}\nlast", "c.csv": "well too"})
    assert told["a.csv"].status == told["c.csv"].status == "done"
    failure = told["b.csv"].error
    assert told["b.csv"].status == "failed"
    assert failure is not None
    assert failure.type == kind
    assert words in failure.message
    hits = Corpus(faulty_corpus).search("first part last well")
    assert {hit.source.rsplit("/", 1)[1] for hit in hits} == {"a.csv", "c.csv"}


def test_a_part_of_too_many_bytes_is_a_limit(faulty_corpus: Path) -> None:
    limits = Limits(seconds=30, output=2**20)
    told = added(faulty_corpus, {"a.csv": "well", "b.csv": "first part\nflood", "c.csv": "well too"}, limits=limits)
    assert {name: one.status for name, one in told.items()} == {"a.csv": "done", "b.csv": "failed", "c.csv": "done"}
    failure = told["b.csv"].error
    assert failure is not None
    assert (failure.type, failure.place) == ("limit", "after part 1")
    assert failure.message == "put out more than 1 MiB for one part"
    assert added(faulty_corpus, {}, limits=Limits(seconds=30))["b.csv"].status == "done"


def test_a_limit_names_the_page_that_was_looked_at(faulty_corpus: Path) -> None:
    told = added(faulty_corpus, {"a.csv": "first part\nhang,7"}, 1)
    assert told["a.csv"].error is not None
    assert (told["a.csv"].error.type, told["a.csv"].error.place) == ("limit", "page 7 of 9")


def test_a_page_of_a_pdf_that_takes_for_ever_is_named(faulty_corpus: Path) -> None:
    import pymupdf

    settings = faulty_corpus / "corpus.toml"
    settings.write_text(f'{settings.read_text()}\n[loaders.pdf]\nuse = "loaders/pdf"\n')
    path = faulty_corpus.parent / "slow.pdf"
    opened: Any = pymupdf.open
    with opened(stream=hostile_pdfs.laughing_forms(9)) as whole:
        for _ in range(2):
            whole.new_page(0).insert_text((72, 90), "A page that takes no time.")
        whole.save(path)
    limits = Limits(seconds=3)
    [told] = Corpus(faulty_corpus).adding(workers=1, limits=limits).outcomes([str(path)])
    assert told.error is not None
    assert (told.error.type, told.error.place) == ("limit", "page 3 of 3")


def test_a_program_that_a_parser_started_ends_with_it(faulty_corpus: Path, tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    told = added(faulty_corpus, {"a.csv": f"well\nprogram,{marker}"}, workers=1)
    assert told["a.csv"].error is not None
    assert told["a.csv"].error.type == "limit"
    for _ in range(50):
        if not psutil.pid_exists(int(marker.read_text())):
            return
        if psutil.Process(int(marker.read_text())).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.1)
    pytest.fail("the program goes on")


def test_a_crash_is_tried_again_from_where_it_was(faulty_corpus: Path, tmp_path: Path) -> None:
    told = added(faulty_corpus, {"a.csv": f"one\ntwo\ncrash once,{tmp_path / 'marker'}\nfour"})
    assert told["a.csv"].status == "done"
    elements = Corpus(faulty_corpus).store.catalog.elements(Corpus(faulty_corpus).documents()[0].digest)
    assert [one.text.split(",")[0] for one in elements] == ["one", "two", "crash once", "four"]


def test_what_a_library_prints_is_not_taken_for_a_message(faulty_corpus: Path) -> None:
    assert added(faulty_corpus, {"a.csv": "one\nprint\nthree"})["a.csv"].status == "done"


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_number_of_workers_changes_nothing(faulty_corpus: Path, workers: int) -> None:
    files = {f"{number}.csv": f"part one of {number}\npart two" for number in range(6)}
    told = added(faulty_corpus, files, workers)
    assert [one.status for one in told.values()] == ["done"] * 6
    documents = Corpus(faulty_corpus).documents()
    assert [Path(one.sources[0].uri).name for one in documents] == sorted(files)


@pytest.mark.parametrize(("naps", "processes"), [(0.0, 1), (1.5, 2)])
def test_a_second_process_starts_only_where_a_document_waits(
    faulty_corpus: Path, monkeypatch: pytest.MonkeyPatch, naps: float, processes: int
) -> None:
    started: list[Worker] = []
    start = Worker._start

    def counted(worker: Worker) -> None:
        started.append(worker)
        start(worker)

    monkeypatch.setattr(Worker, "_start", counted)
    monkeypatch.setattr(prefetch, "PATIENCE", 0.5 if naps else 60.0)
    told = added(faulty_corpus, {f"{number}.csv": f"nap,{naps}\nwords {number}" for number in range(4)})
    assert [one.status for one in told.values()] == ["done"] * 4
    assert len(started) == processes


@pytest.mark.parametrize("workers", [0, 1])
def test_pages_are_told_while_a_part_is_made(faulty_corpus: Path, workers: int) -> None:
    told: list[Mapping[str, object]] = []
    folder = faulty_corpus.parent / "documents"
    folder.mkdir()
    (folder / "a.csv").write_text("pages,4\nlast")
    adding = Corpus(faulty_corpus).adding(workers=workers, limits=Limits(seconds=30), progress=told.append)
    assert [one.status for one in adding.outcomes([str(folder)])] == ["done"]
    pages = [one["pages"] for one in told if one.get("of") == 4]
    assert len(set(pages)) >= 3
    assert pages == sorted(pages, key=str)


def test_telling_of_pages_wins_no_time(faulty_corpus: Path) -> None:
    told = added(faulty_corpus, {"a.csv": "pages,12\nlast"}, 1)
    assert told["a.csv"].error is not None
    assert "longer than 3 s" in told["a.csv"].error.message


def test_a_document_that_takes_long_is_told_of_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(add, "TELL_EVERY", 0.0)
    progress = add.Progress(False)
    for page in (0, 3):
        progress({"stage": "ingest", "done": 0, "total": 1, "item": "scan\n.pdf", "pages": page, "of": 100})
    progress.close()
    assert capsys.readouterr().err.splitlines() == ["scan\\n.pdf, page 3 of 100"]


def test_a_worker_is_replaced_after_its_share_of_documents(faulty_corpus: Path) -> None:
    files = {f"{number}.csv": f"text {number}" for number in range(5)}
    told = added(faulty_corpus, files, 1, Limits(documents=2))
    assert [one.status for one in told.values()] == ["done"] * 5


def test_a_region_that_cannot_be_drawn_is_an_error_of_the_source(faulty_corpus: Path, tmp_path: Path) -> None:
    request = {
        "op": "render",
        "source": {"uri": "x.csv", "media_type": "text/csv", "digest": "0" * 64, "path": str(tmp_path / "x.csv")},
        "place": {"kind": "PageRegion", "page": 1, "box": {"left": 0, "top": 0, "right": 1, "bottom": 1}},
        "dpi": 72,
        "loader": {"use": "loaders/faulty"},
        "folder": str(faulty_corpus),
    }
    renderer = Renderer()
    for _ in range(2):
        with pytest.raises(SourceError, match="render"):
            renderer(request)
    renderer.stop()


def test_the_drawing_process_is_kept_while_there_is_work(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(images.png(60, 40))

    def request(place: dict[str, object]) -> dict[str, object]:
        source = {"uri": "photo.png", "media_type": "image/png", "digest": "0" * 64, "path": str(path)}
        loader = {"use": "loaders/image"}
        return {"op": "render", "source": source, "place": place, "dpi": 72, "loader": loader, "folder": str(tmp_path)}

    def processes() -> set[int]:
        return {child.pid for child in psutil.Process().children()}

    before = processes()
    whole = {"kind": "PageRegion", "page": 1, "box": {"left": 0, "top": 0, "right": 1, "bottom": 1}}
    renderer = Renderer(idle=0.5)
    assert renderer(request(whole)).startswith(b"\x89PNG")
    first = processes() - before
    assert renderer(request(whole)).startswith(b"\x89PNG")
    assert processes() - before == first
    assert len(first) == 1
    for _ in range(100):
        if not processes() - before:
            break
        time.sleep(0.1)
    assert processes() == before, "an idle process ends"
    assert renderer(request(whole)).startswith(b"\x89PNG")
    renderer.stop()
