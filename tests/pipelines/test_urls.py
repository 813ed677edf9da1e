"""Web addresses as sources, from servers on this machine to hits with places."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from rag.pipelines import webpages

from rag import cli
from rag.addresses import routable
from rag.corpus import Corpus
from rag.document import MarkupPath
from rag.errors import SourceError
from rag.fetching import Door
from rag.report import Report
from tests.golden import images, pdfs
from tests.golden.servers import LOCAL, Asked, Reply, Server, site

PAGE = """<!doctype html><html><head><title>Rain gauges</title></head><body>
<h1>Rain gauges</h1>
<p>The copper gauge on the roof is read every morning.</p>
<figure><img src="img/roof%20gauge.png"><figcaption>A copper gauge in the snow</figcaption></figure>
<p><img src="/img/icon.png" width=16> <img src="/img/gone.png" alt="A gauge that is gone"></p>
</body></html>"""
PICTURE = images.png(160, 120)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(site(pages())).serving() as started:
        yield started


def pages(**more: Any) -> dict[str, bytes | Reply]:
    return {
        "/a/gauges.html": Reply(PAGE.encode(), headers={"Content-Type": "text/html"}),
        "/a/img/roof%20gauge.png": PICTURE,
        **{f"/{name}": value for name, value in more.items()},
    }


def door(server: Server) -> Door:
    """To `server` alone, by any name of the domain `example`."""

    def resolver(host: str, port: int) -> Sequence[str]:
        return [LOCAL] if host.endswith(".example") else ["10.0.0.1"]

    return Door(
        resolver=resolver,
        admitted=lambda address, port: (address, port) == (LOCAL, server.port) or routable(address, port),
    )


def url(server: Server, path: str = "/a/gauges.html", host: str = "pages.example") -> str:
    return f"http://{host}:{server.port}{path}"


def add(corpus: Path, server: Server, *sources: Any, **options: Any) -> Report:
    opened = Corpus(corpus)
    report: Report = opened.adding(**{"workers": 0, "net": door(server), **options}).run(sources or [url(server)])
    opened.close()
    return report


def told(report: Report) -> list[tuple[str, str]]:
    return [(one.status, one.source) for one in report.outcomes]


def asked(server: Server) -> list[str]:
    paths = [one.path for one in server.asked]
    server.asked.clear()
    return paths


def test_a_page_and_its_pictures(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webpages, "AT_ONCE", 1)  # several at once reach the server in any order
    report = add(hashed, server)
    assert told(report) == [("done", url(server))]
    assert asked(server) == ["/a/gauges.html", "/a/img/roof%20gauge.png", "/img/gone.png"]
    (note,) = report.outcomes[0].warnings
    assert note.startswith("1 of 2 pictures were not fetched")

    corpus = Corpus(hashed)
    (hit,) = [one for one in corpus.search("copper gauge in the snow") if one.chunk.media is not None]
    assert hit.source == url(server)
    place = hit.places[0]
    assert isinstance(place, MarkupPath)
    assert place.path.endswith("figure[1]/img[1]")
    assert "A copper gauge in the snow" in hit.text
    assert "roof gauge" in hit.text, "the picture's own name is what its page says of it"
    assert hit.image().startswith(b"\x89PNG")
    (text,) = [one for one in corpus.search("read every morning") if one.chunk.modality == "text"][:1]
    assert text.source == url(server)
    (document,) = corpus.documents()
    assert (document.title, document.media_type) == ("Rain gauges", "text/html")


def test_the_same_places_as_in_a_saved_page(hashed: Path, server: Server, tmp_path: Path) -> None:
    add(hashed, server)
    saved = tmp_path / "saved" / "gauges.html"
    saved.parent.mkdir()
    saved.write_text(PAGE.replace("roof%20gauge", "roof gauge"))
    (saved.parent / "img").mkdir()
    (saved.parent / "img" / "roof gauge.png").write_bytes(PICTURE)
    add(hashed, server, saved)
    corpus = Corpus(hashed)
    of: dict[str, set[object]] = {}
    for hit in corpus.search("gauge", k=50):
        of.setdefault(hit.source, set()).add((hit.chunk.modality, hit.places, hit.text, hit.chunk.media))
    assert len(of) == 2
    assert of[url(server)] == of[str(saved)]


def test_referrers_and_cookies_do_not_leak(hashed: Path, server: Server) -> None:
    add(hashed, server)
    assert all(not {"referer", "cookie"} & set(one.headers) for one in server.asked)


def test_workers_parse_what_the_parent_fetched(hashed: Path, server: Server) -> None:
    add(hashed, server, workers=1)
    assert any(hit.chunk.modality == "image" for hit in Corpus(hashed).search("copper gauge snow"))


def test_unchanged_by_its_bytes(hashed: Path, server: Server) -> None:
    add(hashed, server)
    report = add(hashed, server)
    assert told(report) == [("unchanged", url(server))]
    assert report.embedded == 0


def with_tags(server: Server, page: str, tag: str) -> None:
    """Serves a page that has no picture missing, and knows its own tag again."""

    def answer(one: Asked) -> Reply:
        if one.path != "/a/gauges.html":
            return site(pages(**{"img/gone.png": PICTURE}))(one)
        headers = {"ETag": tag, "Content-Type": "text/html"}
        return (
            Reply(status=304, headers=headers)
            if one.headers.get("if-none-match") == tag
            else Reply(page.encode(), headers=headers)
        )

    server.answer = answer


def test_unchanged_by_its_tag_then_changed(hashed: Path, server: Server) -> None:
    with_tags(server, PAGE, '"1"')
    add(hashed, server)
    assert len(asked(server)) == 3
    assert told(add(hashed, server)) == [("unchanged", url(server))]
    assert asked(server) == ["/a/gauges.html"], "its pictures were fetched again"
    with_tags(server, PAGE.replace("every morning", "at noon"), '"2"')
    report = add(hashed, server)
    assert told(report) == [("updated", url(server))]
    corpus = Corpus(hashed)
    assert any("at noon" in hit.text for hit in corpus.search("gauge read"))
    assert not any("every morning" in hit.text for hit in corpus.search("gauge read", k=50))
    assert len(corpus.documents()) == 1


def test_a_tag_is_sent_only_with_the_bytes_it_belongs_to(hashed: Path, server: Server) -> None:
    with_tags(server, PAGE, '"1"')
    add(hashed, server)
    corpus = Corpus(hashed)
    corpus.store.assets.kept(corpus.documents()[0].digest).unlink()
    assert told(add(hashed, server)) == [("unchanged", url(server))]
    assert corpus.store.assets.kept(corpus.documents()[0].digest).exists()
    corpus.remove(url(server))
    assert told(add(hashed, server)) == [("done", url(server))]


def test_a_page_whose_pictures_are_missing_is_asked_for_anew(hashed: Path, server: Server) -> None:
    """Or a picture that failed once would be missing as long as the page stays the same."""
    with_tags(server, PAGE, '"1"')
    complete = server.answer
    server.answer = lambda one: Reply(b"", 503) if one.path.endswith(".png") else complete(one)
    assert "2 of 2 pictures" in add(hashed, server).outcomes[0].warnings[0]
    server.answer = complete
    assert told(add(hashed, server)) == [("updated", url(server))]
    assert Corpus(hashed).search("copper gauge snow")[0].chunk.media is not None


@pytest.mark.parametrize(
    ("path", "data", "kind", "title"),
    [("/b/report.pdf", "pdf", "application/pdf", "report"), ("/b/get%20it?id=7", "pdf", "application/pdf", "get it"),
     ("/b/photo%20one.png", "png", "image/png", "photo one"), ("/b/notes.txt", "text", "text/plain", "notes.txt"),
     ("/b/readme.md", "markdown", "text/markdown", "Head"), ("/b/readme", "markdown", "text/markdown", "Head")],
)  # fmt: skip
def test_what_an_address_leads_to_is_known_by_its_bytes(
    hashed: Path, server: Server, path: str, data: str, kind: str, title: str
) -> None:
    bodies = {
        "pdf": pdfs.image_only((True, True)),
        "png": PICTURE,
        "text": b"Plain words.",
        "markdown": b"# Head\n\nSome *words*.",
    }
    stated = {"Content-Type": "text/markdown" if data == "markdown" else "application/octet-stream"}
    server.answer = site({path: Reply(bodies[data], headers=stated)})
    (outcome,) = add(hashed, server, url(server, path)).outcomes
    assert (outcome.status, outcome.error) == ("done", None)
    (document,) = Corpus(hashed).documents()
    assert document.media_type == kind
    assert document.title == title


def test_a_page_of_a_fetched_pdf_can_be_shown(hashed: Path, server: Server) -> None:
    server.answer = site({"/report.pdf": pdfs.many_pages(2)})
    add(hashed, server, url(server, "/report.pdf"))
    hit = Corpus(hashed).search("page 2")[0]
    assert hit.page is not None
    assert hit.image().startswith(b"\x89PNG")


LINKS = '<h1>Reports</h1><p>All of them.</p><a href="/r/1.pdf">1</a><a href="/r/2.pdf">2</a><a href="http://far.test/3.pdf">3</a>'


def test_linked_pdfs_of_the_same_site_on_request(hashed: Path, server: Server) -> None:
    found = {"/list.html": LINKS.encode(), "/r/1.pdf": pdfs.many_pages(1), "/r/2.pdf": pdfs.many_pages(2)}
    server.answer = site(found)
    page = url(server, "/list.html")
    assert told(add(hashed, server, page)) == [("done", page)]
    assert asked(server) == ["/list.html"]
    report = add(hashed, server, page, linked_pdfs=True)
    assert told(report) == [
        ("unchanged", page), ("done", url(server, "/r/1.pdf")), ("done", url(server, "/r/2.pdf")),
    ]  # fmt: skip
    assert "1 linked PDFs of other sites" in report.outcomes[0].warnings[0]
    again = add(hashed, server, page, url(server, "/r/2.pdf"), linked_pdfs=True)
    assert [status for status, _ in told(again)] == ["unchanged"] * 3, "one that is named too comes once"


def test_a_broken_link_fails_alone(hashed: Path, server: Server) -> None:
    server.answer = site({"/list.html": LINKS.encode(), "/r/2.pdf": pdfs.many_pages(2)})
    report = add(hashed, server, url(server, "/list.html"), linked_pdfs=True)
    assert [status for status, _ in told(report)] == ["done", "failed", "done"]


def test_failures_name_the_address_and_the_others_go_on(hashed: Path, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("Plain words.")
    server.answer = site(
        {"/ok.txt": b"Words.", "/bin": b"\0\1\2\3" * 100, "/loop": Reply(status=302, headers={"Location": "/loop"})}
    )
    wanted = ["/none", "/bin", "/loop", "/ok.txt"]
    inner = f"http://inner.invalid:{server.port}/"
    report = add(hashed, server, *[url(server, path) for path in wanted], inner, "http://10.0.0.1/", str(file))
    assert [status for status, _ in told(report)] == ["failed", "failed", "failed", "done", "failed", "failed", "done"]
    kinds = [one.error.type for one in report.outcomes if one.error]
    assert kinds == ["missing", "unsupported", "limit", "refused", "refused"]
    assert len(report.failed) == 5


def test_what_was_read_before_stays_when_a_server_fails(hashed: Path, server: Server) -> None:
    add(hashed, server)
    server.answer = lambda one: Reply(b"", 500)
    (outcome,) = add(hashed, server, sync=True).outcomes
    assert outcome.status == "failed"
    assert outcome.error is not None
    assert "rag remove" in outcome.error.message
    assert Corpus(hashed).search("copper gauge")


def test_sync_removes_what_its_server_says_is_gone(hashed: Path, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text("Plain words.")
    add(hashed, server, url(server), folder)
    assert [status for status, _ in told(add(hashed, server, folder, sync=True))] == ["unchanged"]
    server.answer = site({})
    assert told(add(hashed, server)) == [("failed", url(server))]
    assert len(Corpus(hashed).documents()) == 2
    assert told(add(hashed, server, url(server), folder, sync=True))[0] == ("removed", url(server))
    assert [one.media_type for one in Corpus(hashed).documents()] == ["text/plain"]


def test_remove_by_any_spelling(hashed: Path, server: Server) -> None:
    add(hashed, server)
    Corpus(hashed).remove(f"HTTP://PAGES.example:{server.port}/a/./gauges.html#part")
    assert Corpus(hashed).documents() == []


def test_one_source_whatever_the_spelling(hashed: Path, server: Server) -> None:
    spelled = f"HTTP://Pages.Example:{server.port}/a/b/../gauges.html"
    report = add(hashed, server, spelled, url(server))
    assert told(report) == [("done", spelled)]
    assert told(add(hashed, server)) == [("unchanged", url(server))]
    (document,) = Corpus(hashed).documents()
    assert [one.uri for one in document.sources] == [url(server)], "shown as given last"


def test_a_question_mark_is_no_glob(hashed: Path, server: Server) -> None:
    server.answer = site({"/q?a=[1]&b=*": b"Words of a query."})
    assert told(add(hashed, server, url(server, "/q?a=[1]&b=*")))[0][0] == "done"
    Corpus(hashed).remove(url(server, "/q?a=[1]&b=*"))
    assert Corpus(hashed).documents() == []


def test_a_local_page_fetches_nothing(hashed: Path, server: Server, tmp_path: Path) -> None:
    """Nor does text that is retrieved: only an address that the user gave is fetched."""
    saved = tmp_path / "saved.html"
    link = url(server, "/a/img/roof%20gauge.png")
    saved.write_text(
        f'<h1>Gauges</h1><p>See {url(server)} <img src="{link}" alt="A copper gauge"><a href="x.pdf">x</a>'
    )
    report = add(hashed, server, saved, linked_pdfs=True)
    assert report.failed == ()
    corpus = Corpus(hashed)
    assert corpus.search(f"what does {url(server)} say")
    corpus.ask("copper gauge")
    assert server.asked == []


def test_pictures_from_private_addresses_are_not_fetched(hashed: Path, server: Server) -> None:
    wanted = "".join(
        f'<img src="{one}" alt="A picture of it">'
        for one in (
            "http://127.0.0.1/x.png",
            f"http://inner.test:{server.port}/x.png",
            "file:///etc/x.png",
            "/moved.png",
        )
    )
    moved = Reply(status=302, headers={"Location": f"http://127.0.0.1:{server.port}/x.png"})
    server.answer = site({"/p.html": f"<h1>Head</h1><p>Words.</p>{wanted}".encode(), "/moved.png": moved})
    server_door = Door(
        resolver=lambda host, port: [LOCAL] if host == "pages.example" else ["10.0.0.1"],
        admitted=lambda address, port: (address, port) == (LOCAL, server.port),
    )
    report = add(hashed, server, url(server, "/p.html"), net=server_door)
    assert report.outcomes[0].status == "done"
    assert "of 3 pictures were not fetched" in report.outcomes[0].warnings[0]
    assert "/etc" not in " ".join(asked(server))


def test_budgets_of_a_page(hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    tags = "".join(f'<p>Picture {n}</p><img src="/{n}.png">' for n in range(12))
    server.answer = site(
        {"/p.html": f"<h1>Head</h1>{tags}".encode(), **{f"/{n}.png": images.png(60 + n, 60) for n in range(12)}}
    )

    def taken(**budget: Any) -> int:
        small = webpages.Budget(**budget)
        monkeypatch.setattr(webpages.WebPages.__init__, "__kwdefaults__", {"budget": small})
        report = add(hashed, server, url(server, "/p.html"))
        asked(server)
        corpus = Corpus(hashed)
        assert report.outcomes[0].warnings
        digest = corpus.documents()[0].digest
        return corpus.store.assets.kept(digest).read_bytes().count(b"data:image/png;base64,")

    size = len(images.png(60, 60))
    assert taken(count=5) == 5
    assert taken(size=size // 2) == 0
    assert 1 <= taken(total=4 * size) <= 4
    assert taken(total_seconds=0.0) == 0


def test_the_kept_page_has_its_pictures_inside(hashed: Path, server: Server) -> None:
    add(hashed, server)
    corpus = Corpus(hashed)
    kept = corpus.store.assets.kept(corpus.documents()[0].digest).read_bytes()
    assert base64.b64encode(PICTURE) in kept
    add(hashed, server, refresh=True)
    assert corpus.search("copper gauge snow")[0].chunk.media is not None


def test_a_charset_that_only_the_server_states(hashed: Path, server: Server) -> None:
    page = "<html><body><h1>Wetter</h1><p>Дождь идёт весь день.</p></body></html>".encode("koi8-r")
    server.answer = site({"/w": Reply(page, headers={"Content-Type": "text/html; charset=koi8-r"})})
    add(hashed, server, url(server, "/w"))
    assert any("Дождь идёт" in hit.text for hit in Corpus(hashed).search("Дождь"))


def test_gc_and_check_leave_fetched_pages_alone(hashed: Path, server: Server) -> None:
    from rag import registry

    add(hashed, server)
    corpus = Corpus(hashed)
    registry.load("pipelines/sweep")(corpus.store)
    assert registry.load("pipelines/check")(corpus.store) == []
    assert corpus.search("copper gauge snow")[0].image().startswith(b"\x89PNG")


def test_the_command(
    hashed: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`rag add` has the plain door: only what is public, and exit code 3 for the rest."""
    assert (
        cli.main(["add", url(server, host="127.0.0.1"), "http://metadata.google.internal/", "--corpus", str(hashed)])
        == 3
    )
    out = capsys.readouterr().out
    assert "2 documents: 2 failed" in out
    assert server.asked == []
    add(hashed, server)
    assert cli.main(["list", "--corpus", str(hashed), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["sources"] == [url(server)]
    assert cli.main(["remove", url(server), "--corpus", str(hashed)]) == 0
    assert "removed" in capsys.readouterr().out


def test_cancelled_between(hashed: Path, server: Server) -> None:
    from threading import Event

    cancel = Event()
    cancel.set()
    corpus = Corpus(hashed)
    report = corpus.adding(net=door(server), workers=0, cancel=cancel).run([url(server)])
    assert report.outcomes == ()
    assert told(add(hashed, server)) == [("done", url(server))]


def test_no_configuration_opens_the_door() -> None:
    """The door's own parameters are for programs: no component of a file or a profile has them."""
    from rag import registry

    assert not [
        name for name in registry.names() if getattr(registry.load(name), "__name__", "") in ("Door", "WebPages")
    ]
    with pytest.raises(SourceError):
        Door().fetch("http://127.0.0.1/")
