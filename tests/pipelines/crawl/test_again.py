"""Crawls: again, and going on after a stop."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from rag.pipelines.crawl.rules import Crawl

from rag.corpus import Corpus
from tests.golden.crawls import HTML, ROOT, SITE, asked, crawl, door, told, url
from tests.golden.servers import Answer, Asked, Reply, Server


def tagged(changes: Callable[[str], str] = lambda path: "1") -> Answer:
    def answer(one: Asked) -> Reply:
        found = SITE.get(one.path)
        if not isinstance(found, Reply):
            return Reply(b"", 404)
        tag = f'"{changes(one.path)}"'
        headers = {**HTML, "ETag": tag}
        if one.headers.get("if-none-match") == tag:
            return Reply(status=304, headers=headers)
        return Reply(found.body.replace(b"Words", b"Words " + tag.encode()), headers=headers)

    return answer


def test_unchanged_pages_cost_an_answer_without_a_body(hashed: Path, server: Server) -> None:
    server.answer = tagged()
    crawl(hashed, server)
    first = asked(server)
    answers: list[int] = []
    reply = server.reply
    server.reply = lambda to, said: (answers.append(said.status), reply(to, said))[1]  # type: ignore[method-assign]
    report = crawl(hashed, server)
    assert [status for status, _ in told(report)] == ["unchanged"] * 5
    assert report.embedded == 0
    assert answers == [404, 304, 304, 304, 304, 304]
    assert asked(server) == first
    server.answer = tagged(lambda path: "2" if path == "/docs/sub/c.html" else "1")
    assert [status for status, _ in told(crawl(hashed, server))].count("updated") == 1


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("at", [1, 2, 4])
def test_cancelled_then_the_same_command(hashed: Path, server: Server, at: int, workers: int) -> None:
    """No page is asked for twice, and none is missing."""
    if workers and at != 2:
        return
    cancel = Event()
    opened = Corpus(hashed)
    adding = opened.adding(crawl=Crawl(delay=0), workers=workers, net=door(server.port), cancel=cancel)
    for number, _ in enumerate(adding.outcomes([url(server)]), 1):
        if number == at:
            cancel.set()
    opened.close()
    before = asked(server)
    assert len(before) <= 6
    report = crawl(hashed, server)
    after = [path for path in asked(server) if path != "/robots.txt"]
    assert not set(before) & set(after)
    assert sorted([*before, *after]) == sorted(["/robots.txt", *(path for path in SITE if path != "/other/x.html")])
    assert len(Corpus(hashed).documents()) == 5
    assert "going on" in report.warnings[0]
    assert len(crawl(hashed, server).outcomes) == 5, "a crawl that came to its end is made anew"


KILLED = """
import os, signal, sys
from rag.corpus import Corpus
from rag.store import writer
from rag.pipelines.crawl.rules import Crawl
from tests.golden.crawls import door
from tests.pipelines.killed import with_hash_encoder
with_hash_encoder()
left = [int(sys.argv[4])]
def step(name):
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
writer.on_step = step
Corpus(sys.argv[1]).adding(crawl=Crawl(delay=0), workers=0, net=door(int(sys.argv[2]))).run([sys.argv[3]])
"""


@pytest.mark.parametrize("step", [4, 9])
def test_killed_then_the_same_command(hashed: Path, server: Server, step: int) -> None:
    command = [sys.executable, "-c", KILLED, str(hashed), str(server.port), url(server), str(step)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.returncode == -9, run.stderr
    before = [path for path in asked(server) if path != "/robots.txt"]
    assert before
    crawl(hashed, server)
    after = [path for path in asked(server) if path != "/robots.txt"]
    assert not set(before) & set(after), "a page was asked for twice"
    assert sorted([*before, *after]) == sorted(path for path in SITE if path != "/other/x.html")
    assert len(Corpus(hashed).documents()) == 5
