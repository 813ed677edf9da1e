"""Web pages: what is shown, in order, once, with a path that finds it again."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rag.document import Head
from rag.markup import nodes, select
from rag.words import words
from tests.golden import htmls
from tests.golden.pages import elements, load, path, shown


def test_a_whole_page(tmp_path: Path) -> None:
    found = [(e.role, e.text, e.headings) for e in elements(tmp_path, htmls.page()) if e.role != "hidden"]
    gauges = ("Rain gauges",)
    assert found == [
        ("header", "Home All pages", ()),
        ("heading", "Rain gauges", ()),
        ("paragraph", "A gauge collects rain in a funnel.\nIt is read every morning.", gauges),
        ("paragraph", "Loose words with bold ones stand here.", gauges),
        ("heading", "Reading", gauges),
        ("list", "- Stand level with the scale.", (*gauges, "Reading")),
        ("list", "  - Not above it.", (*gauges, "Reading")),
        ("list", "- Write down the millimetres.", (*gauges, "Reading")),
        ("list", "3. Empty it.", (*gauges, "Reading")),
        ("list", "4. Put it back.", (*gauges, "Reading")),
        ("code", "for day in month:\n    total += rain[day]", (*gauges, "Reading")),
        ("paragraph", "Funnel: The upper part.", (*gauges, "Reading")),
        ("paragraph", "read()\nread(day)", (*gauges, "Reading")),
        ("paragraph", "Reads one day.", (*gauges, "Reading")),
        ("code", "read(3)", (*gauges, "Reading")),
        ("heading", "Monthly totals", (*gauges, "Reading")),
        (
            "table",
            "| Season | Month | Rain |\n| --- | --- | --- |\n| Autumn | October | 81 |\n| Autumn | November | 96 |",
            (*gauges, "Reading", "Monthly totals"),
        ),
        ("heading", "Pictures", gauges),
        ("figure", "Four fields of colour", (*gauges, "Pictures")),
        ("paragraph", "An icon and a photo from elsewhere:", (*gauges, "Pictures")),
        ("figure", "a gauge on a roof", (*gauges, "Pictures")),
        ("paragraph", "And this.", (*gauges, "Pictures")),
        ("footer", "Copyright nobody", (*gauges, "Pictures")),
    ]


def test_head(tmp_path: Path) -> None:
    head = load(tmp_path, htmls.page())[0].head
    assert head == Head(
        "Rain gauges",
        0,
        "en",
        (
            ("author", "A. Weir"),
            ("canonical", "https://example.org/gauges"),
            ("charset", "utf-8"),
            ("created", "2024-03-05"),
            ("description", "How to read a gauge"),
        ),
    )


def test_every_path_finds_its_block_again(tmp_path: Path) -> None:
    page = htmls.page()
    for element in elements(tmp_path, page):
        again = select(page, path(element))
        if element.modality == "image":
            assert len(nodes(page, path(element))) == 1
            continue
        text = re.sub(r"^\s*(- |\d+\. )", "", element.text)
        rows = 2 if element.role == "table" else 1  # a cell over two rows is written twice
        missing = Counter(words(text)) - Counter(words(again)) - Counter(words(again * (rows - 1)))
        assert not missing, (element.text, again)


def test_no_visible_text_is_lost_or_given_twice(tmp_path: Path) -> None:
    pieces = [
        "one<div>two<p>three</p>four</div>five<span>six<div>seven</div>eight</span>nine",
        "<a href=x><h2>ten</h2>eleven</a><blockquote>twelve<ul>thirteen<li>fourteen<p>fifteen</p>sixteen</li></ul>",
        "seventeen</blockquote><dl>eighteen<dt>nineteen</dt>twenty<dd>alpha</dd><div><dt>beta</dt><dd>gamma</dd></div></dl>",
        "<table><tr><td>delta<td>epsilon</tr><tr><td><p>zeta</p><td>eta</table>",
        "<table><tr><td><h3>theta</h3><td>iota<table><tr><td>kappa<td>lambda<tr><td>mu<td>nu</table></table>",
        "<figure>xi<pre>omicron</pre><figcaption>pi</figcaption></figure><details><summary>rho</summary>sigma</details>",
        "<fieldset><legend>tau</legend><label>upsilon</label><button>phi</button></fieldset><address>chi</address>psi",
    ]
    found = words("\n".join(e.text + "\n" + e.caption for e in elements(tmp_path, "".join(pieces))))
    assert found == words(" ".join(re.sub(r"<[^>]*>", " ", piece) for piece in pieces))


def test_head_from_linked_data_and_marks_in_the_page(tmp_path: Path) -> None:
    data = (
        b"<html lang=de><body><script type='application/ld+json'>"
        b'{"@graph": [{"@type": "NewsArticle", "headline": "Regen", "datePublished": "2024-05-06", '
        b'"author": [{"name": "A"}, {"name": "B"}]}]}</script>'
        b"<h1>Other</h1><time itemprop=dateModified datetime=2024-06-01>x</time><a rel=author href=z>C</a><p>text"
    )
    head = load(tmp_path, data)[0].head
    assert (head.title, head.language) == ("Regen", "de")
    assert dict(head.metadata) == {
        "author": "A, B", "charset": "utf-8", "created": "2024-05-06", "modified": "2024-06-01",
    }  # fmt: skip
    for broken in (b"{", b"[" * 100_000, b'{"author": {"name": {}}, "headline": 3}', b"null"):
        page = b"<script type='application/ld+json'>" + broken + b"</script><p>text"
        assert dict(load(tmp_path, page)[0].head.metadata).keys() == {"charset"}


def test_advertising_and_steps_through_a_manual_are_no_content(tmp_path: Path) -> None:
    article = "<p>" + "The article itself has many words. " * 10 + "</p>"
    markup = (
        "<div class=navheader><table><tr><th colspan=3>5.1. The gauge<tr><td><a href=x>Prev</a><td>Chapter five"
        f"<td><a href=y>Next</a></table></div>{article}<div class='ad-slot'>Buy a boat today</div>{article}"
        "<div id=cookie-banner>We use cookies <button>Fine</button></div><div class=sponsored><pre>kept</pre></div>"
    )
    roles = {text: role for role, text in shown(tmp_path, markup)}
    assert roles["Buy a boat today"] == "footer"
    assert roles["We use cookies Fine"] == "footer"
    assert roles["kept"] == "code"
    assert {role for text, role in roles.items() if "Prev" in text or "5.1." in text} == {"header"}


def test_frame_of_a_page(tmp_path: Path) -> None:
    article = "<p>" + "The article itself has many words. " * 10 + "</p>"
    markup = (
        "<div class='header'><p>Next: <a href=x>Other chapter of it</a></p></div>"
        f"<article><header><h1>Title</h1></header>{article}<aside>A note in it.</aside></article>"
        "<aside>Elsewhere</aside><footer>Copyright</footer><div class=header>Not all headers are links.</div>"
    )
    roles = [(role, text) for role, text in shown(tmp_path, markup) if not text.startswith("The article")]
    assert roles == [
        ("header", "Next: Other chapter of it"),
        ("heading", "Title"),
        ("paragraph", "A note in it."),
        ("footer", "Elsewhere"),
        ("footer", "Copyright"),
        ("paragraph", "Not all headers are links."),
    ]


def test_what_stands_beside_main_is_frame(tmp_path: Path) -> None:
    markup = f"<div><h2>Shortcuts</h2><p>Press S.</p></div><div><main><p>{'Words. ' * 60}</p></main></div>"
    assert [role for role, _ in shown(tmp_path, markup)] == ["header", "header", "paragraph"]


def test_a_page_that_is_all_navigation_is_its_content(tmp_path: Path) -> None:
    assert shown(tmp_path, "<nav><p><a href=x>Index of all chapters</a></p></nav>")[0][0] == "paragraph"


def test_sections(tmp_path: Path) -> None:
    found = elements(tmp_path, "<h2>A</h2><h4>B</h4><p>x</p><h3>C</h3><p>y</p><h1>D</h1><p>z</p>")
    assert [(e.text, e.level, e.headings) for e in found] == [
        ("A", 2, ()),
        ("B", 4, ("A",)),
        ("x", 0, ("A", "B")),
        ("C", 3, ("A",)),
        ("y", 0, ("A", "C")),
        ("D", 1, ()),
        ("z", 0, ("D",)),
    ]


def test_table_cells(tmp_path: Path) -> None:
    markup = (
        "<table><tr><td colspan=2>Date Specifiers</td></tr><tr><td>Format<td>Explanation</tr>"
        "<tr><td><code>%j</code><td>day of the year,\n001&ndash;366</tr>"
        "<tr><td>a|b<td><ul><li>x</li><li>y</li></ul></tr></table>"
    )
    table = elements(tmp_path, markup)[0]
    assert table.caption == "Date Specifiers"
    assert table.text.splitlines() == [
        "| Format | Explanation |",
        "| --- | --- |",
        "| %j | day of the year, 001–366 |",
        "| a\\|b | x y |",
    ]
    assert [(cell.row, cell.column, cell.header) for cell in table.cells[:3]] == [
        (0, 0, True),
        (0, 1, True),
        (1, 0, False),
    ]


def test_spans_push_cells_as_browsers_do(tmp_path: Path) -> None:
    markup = (
        "<table><tr><th rowspan=2>a<th colspan=2>b</tr><tr><th>c<th>d</tr><tr><td>1<td>2<td>3</tr>"
        "<tr><td rowspan=0 colspan=999999999999>4</table>"
    )
    table = elements(tmp_path, markup)[0]
    places = {cell.text: (cell.row, cell.column, cell.rows, cell.columns) for cell in table.cells}
    assert places["a"] == (0, 0, 2, 1)
    assert places["b"] == (0, 1, 1, 2)
    assert places["c"] == (1, 1, 1, 1)
    assert places["d"] == (1, 2, 1, 1)
    assert table.text.splitlines()[0] == "| a | b c | b d |"
    assert table.text.splitlines()[2] == "| 1 | 2 | 3 |"


def test_layout_tables_are_walked(tmp_path: Path) -> None:
    markup = "<table><tr><td><a href=x>Menu</a></td><td><h1>Title</h1><p>Text.</p></td></tr></table>"
    assert shown(tmp_path, markup) == [("paragraph", "Menu"), ("heading", "Title"), ("paragraph", "Text.")]
    assert shown(tmp_path, "<table role=presentation><tr><td>a<td>b<tr><td>c<td>d</table>")[0][0] == "paragraph"


@pytest.mark.parametrize(
    "data",
    [
        '<meta charset="iso-8859-1"><p>Größe</p>'.encode("latin-1"),
        "<meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'><p>日本語の文章</p>".encode("cp932"),
        '<?xml version="1.0" encoding="iso-8859-2"?><html><body><p>Őszi</p></body></html>'.encode("iso8859-2"),
        "<p>Größe 日本</p>".encode("utf-16"),
        "<p>Größe 日本</p>".encode("utf-8-sig"),
        "<p>Größe 日本</p>".encode(),
        "<p>Съешь же ещё этих мягких французских булок</p>".encode("cp1251"),
    ],
)
def test_charsets(tmp_path: Path, data: bytes) -> None:
    text = elements(tmp_path, data)[0].text
    assert text in ("Größe", "日本語の文章", "Őszi", "Größe 日本", "Съешь же ещё этих мягких французских булок")


def test_odd_names_and_comments_between_have_paths(tmp_path: Path) -> None:
    page = htmls.body("a<!-- c -->b<o:p>c</o:p><x:div><p>inside</p></x:div><p>d</p><?php x ?>tail <i>e</i>")
    for element in elements(tmp_path, page):
        assert words(select(page, path(element))) == words(element.text)


def test_select_refuses_other_expressions() -> None:
    for wrong in ("", "//p", "/html | /", "document('x')", "/html/body[count(//*)>1]"):
        with pytest.raises(ValueError, match="path"):
            select(htmls.page(), wrong)
    assert select(htmls.page(), "/html/body/p[99]") == ""
