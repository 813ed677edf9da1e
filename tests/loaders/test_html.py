"""Web pages: what is shown, in order, once, with a path that finds it again."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from rag.loaders.chunking.structure import Structure
from rag.loaders.html import HTML
from rag.loaders.html.images import ALIGN, ImageRules

from rag.document import Element, Head, MarkupPath, Media, Part, Source
from rag.identity import digest
from rag.markup import nodes, select
from rag.words import words
from tests.golden import htmls, images

Load = Callable[[bytes], list[Part]]


class KeptAssets:
    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def put(self, data: bytes, media_type: str, name: str = "") -> Media:
        self.kept[name] = data
        return Media(media_type, name, len(data))


def load(folder: Path, data: bytes, **options: object) -> list[Part]:
    path = folder / "page.html"
    path.write_bytes(data)
    return list(HTML(**options).load(Source(str(path), "text/html", digest(data), str(path))))  # type: ignore[arg-type]


def elements(folder: Path, markup: str | bytes, **options: object) -> list[Element]:
    data = htmls.body(markup) if isinstance(markup, str) else markup
    return [element for part in load(folder, data, **options) for element in part.elements]


def shown(folder: Path, markup: str) -> list[tuple[str, str]]:
    return [(element.role, element.text) for element in elements(folder, markup)]


def path(element: Element) -> str:
    place = element.origin.places[0]
    assert isinstance(place, MarkupPath)
    return place.path


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


def test_hidden_text_is_kept_apart_and_told(tmp_path: Path) -> None:
    markup = (
        "<p>seen</p><script>a</script><style>b</style><template><p>c</p></template><noscript>d</noscript>"
        "<div hidden><p>e</p></div><p style='color:red; DISPLAY : none'>f</p><p>g<span aria-hidden=true>h</span>i</p>"
        "<dialog>j</dialog><select><option>k<option selected>l</select><p style='visibility:hidden'>m</p><!-- n -->"
    )
    found = shown(tmp_path, markup)
    assert words(" ".join(text for role, text in found if role != "hidden")) == ["seen", "gi", "l"]
    assert [text for role, text in found if role == "hidden"] == ["e", "f", "h", "m"]
    (part,) = load(tmp_path, htmls.body(markup))
    assert [one.message for one in part.warnings] == [
        "4 texts that the page hides from its readers are kept apart, first 'e'"
    ]
    assert not {chunk.text for chunk in Structure()([part])} & {"e", "f", "h", "m"}
    for element in part.elements:
        if element.role == "hidden":
            assert words(select(htmls.body(markup), path(element))) == words(element.text)


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("font-size:0", False),
        ("font-size: 0px;color:red", False),
        ("font-size:0.5pt", False),
        ("font-size:0.8em", True),
        ("font-size:.9rem", True),
        ("color:#fff;background:white", False),
        ("background-color: #FFFFFF; color: rgb(255, 255, 255)", False),
        ("color:#fff;background:#000", True),
        ("color:#fff", True),
        ("position:absolute; left:-9999px", False),
        ("position:absolute; left:-12px", True),
        ("left:-9999px", True),
        ("text-indent:-9999px", False),
        ("opacity:0", False),
        ("opacity:0.5", True),
        ("height:0; overflow:hidden", False),
        ("line-height:0; overflow:hidden", True),
        ("clip: rect(0 0 0 0)", False),
        ("visibility:visible", True),
        ("color:transparent", False),
    ],
)
def test_what_an_inline_style_hides(tmp_path: Path, style: str, seen: bool) -> None:
    found = shown(tmp_path, f"<p>before</p><p style='{style}'>planted words</p>")
    assert found[1] == ("paragraph" if seen else "hidden", "planted words")


def test_text_in_the_colour_of_its_cell_is_hidden(tmp_path: Path) -> None:
    found = shown(tmp_path, "<p>a<span bgcolor=white style='color:white'>planted</span>b</p>")
    assert sorted(found) == [("hidden", "planted"), ("paragraph", "ab")]


# --- links, formulas, code, pictures, head --------------------------------------------------------


def links(element: Element) -> list[tuple[str, str]]:
    return [(element.text[link.start : link.end], link.target) for link in element.links]


def test_anchors_are_links_of_the_text(tmp_path: Path) -> None:
    markup = (
        "<p>See  <a href=' a.html '> the <b>whole</b>\nstory </a>, <a href='#x'>below</a><a href=''>no</a>"
        "<a href='javascript:go()'>nor this</a><a name=x></a> or <a href=b><img src=c alt=d></a>.</p>"
        "<ul><li><a href=https://example.org/?q=1>First</a><br><a href=z>line<br>two</a></ul>"
        "<h2>Head <a href=y>linked</a> <a href='#h'>¶</a></h2><dl><dt>Term<dd>said <a href=w>there</a></dl>"
    )
    found = [one for one in elements(tmp_path, markup) if one.modality == "text"]
    assert found[0].text == "See the whole story , belownonor this or ."
    assert links(found[0]) == [("the whole story", "a.html"), ("below", "#x")]
    assert found[1].text == "- First\nline\ntwo"
    assert links(found[1]) == [("First", "https://example.org/?q=1"), ("line\ntwo", "z")]
    assert (found[2].text, links(found[2])) == ("Head linked", [("linked", "y")])
    assert (found[3].text, links(found[3])) == ("Term: said there", [("there", "w")])


def test_formulas_are_their_latex_or_a_line(tmp_path: Path) -> None:
    tex = "<annotation encoding='application/x-tex'>{\\displaystyle E=mc^{2}}</annotation>"
    markup = (
        f"<p>Energy <math><semantics><mrow><mi>E</mi></mrow>{tex}</semantics></math> is mass.</p>"
        "<math display=block><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow>"
        "<msup><mi>x</mi><mn>2</mn></msup></mfrac></math>"
        "<p><math alttext='\\pi r^2'><mi>p</mi></math>, "
        "<math><msqrt><msub><mi>x</mi><mi>i</mi></msub></msqrt></math></p>"
        "<p>as shown <span class=katex-mathml><math><mi>y</mi></math></span>"
        "<span class=katex-html aria-hidden=true>y</span></p>"
    )
    assert shown(tmp_path, markup) == [
        ("paragraph", "Energy E=mc^{2} is mass."),
        ("equation", "(a + b)/(x^2)"),
        ("paragraph", "\\pi r^2 , sqrt(x_i)"),
        ("paragraph", "as shown y"),
    ]


@pytest.mark.parametrize(
    ("markup", "language"),
    [
        ("<pre><code class='hljs language-python'>x\n  y</code></pre>", "python"),
        ("<div class='highlight-sql notranslate'><div class=highlight><pre>x\n  y</pre></div></div>", "sql"),
        ("<pre class='brush:js'>x\n  y</pre>", "js"),
        ("<pre class='sourceCode haskell'>x\n  y</pre>", "haskell"),
        ("<pre data-lang='C++'>x\n  y</pre>", "c++"),
        ("<div class='highlight-default'><pre>x\n  y</pre></div>", ""),
        ("<pre class=language-none>x\n  y</pre>", ""),
        ("<pre>x\n  y</pre>", ""),
    ],
)
def test_code_keeps_its_lines_and_the_language_that_is_named(tmp_path: Path, markup: str, language: str) -> None:
    (code,) = elements(tmp_path, markup)
    assert (code.role, code.text, code.language) == ("code", "x\n  y", language)


def test_the_filters_of_align(tmp_path: Path) -> None:
    rules = ALIGN
    assert rules.shape(201, 400)
    assert not rules.shape(199, 400)
    assert not rules.shape(200, 600)
    assert rules.shape(None, 400)
    assert rules.shape(None, None)
    assert rules.said("a gauge outside")
    assert not rules.said("rain gauge")
    assert rules.said(" ".join(["word"] * 20))
    assert not rules.said(" ".join(["word"] * 21))
    assert not rules.said("the same three words", shared=11)
    assert ImageRules().said("")
    said = "one two three four"
    markup = f"<p><img src=a alt='{said}'>x</p>" * 3
    markup += "<p><img src=b width=900 height=100 alt='a wide banner picture'></p>"
    assert [role for role, _ in shown(tmp_path, markup)].count("figure") == 4
    few = elements(tmp_path, markup, max_shared_alt=2, max_aspect=3.0)
    assert [one.role for one in few].count("figure") == 0
    with pytest.raises(ValueError, match="at least 0"):
        HTML(max_aspect=-1)


def test_a_description_that_is_noise_leaves_a_captioned_picture(tmp_path: Path) -> None:
    markup = "<figure><img src=a alt=img1><figcaption>The gauge on the roof</figcaption></figure>"
    (one,) = elements(tmp_path, markup, min_alt_words=3)
    assert (one.role, one.text, one.caption) == ("figure", "", "The gauge on the roof")


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


def test_a_page_that_hides_itself_behind_a_notice_is_still_read(tmp_path: Path) -> None:
    markup = f"<div aria-hidden=true><p>{'the whole article ' * 20}</p></div><div><p>Accept?</p></div>"
    assert "article" in shown(tmp_path, markup)[0][1]


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
    ("markup", "text"),
    [
        ("<pre>\n a\n\n  b\t\n</pre>", " a\n\n  b"),
        ("<pre><code><span>x</span> =\n  1</code></pre>", "x =\n  1"),
        ("<pre>a<br>b&nbsp;c</pre>", "a\nb c"),
    ],
)
def test_code_keeps_its_white_space(tmp_path: Path, markup: str, text: str) -> None:
    assert shown(tmp_path, markup) == [("code", text)]


def test_double_breaks_part_paragraphs(tmp_path: Path) -> None:
    found = elements(tmp_path, "one<br>two<br> <br>three<br><br><b>four</b> five")
    assert [element.text for element in found] == ["one\ntwo", "three", "four five"]
    page = htmls.body("one<br>two<br> <br>three<br><br><b>four</b> five")
    assert [select(page, path(element)).split() for element in found] == [["one", "two"], ["three"], ["four", "five"]]


def test_formulas_kept_as_their_source(tmp_path: Path) -> None:
    markup = '<p>The area is <img src="f.png" alt="$\\pi r^2$"> and no <img src="arrow.png" alt="next"> more.</p>'
    assert shown(tmp_path, markup) == [("paragraph", "The area is $\\pi r^2$ and no more.")]


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


# --- pictures ---------------------------------------------------------------------------------


def test_pictures_inside_and_beside_the_page(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "white-stove kitchen.jpg").write_bytes(images.jpeg(6))
    (tmp_path / "dot.gif").write_bytes(images.saved(images.drawing(2, 2), "GIF"))
    (tmp_path / "page.png").write_bytes(b"not a picture")
    markup = (
        f'<img src="{htmls.data_uri(images.png())}" alt="inside">'
        '<img src="figures/white-stove%20kitchen.jpg#x"><img src=dot.gif alt="two words"><img src=page.png>'
        '<img src="https://example.org/a.png" alt="far away picture"><img src="//example.org/b.png">'
    )
    assets = KeptAssets()
    found = elements(tmp_path, markup, assets=assets)
    assert [(e.text, bool(e.media)) for e in found] == [
        ("inside", True),
        ("white stove kitchen", True),
        ("far away picture", False),
    ]
    assert all(e.role == "figure" and e.modality == "image" for e in found)
    turned = found[1].media
    assert turned is not None
    assert set(assets.kept) == {e.media.digest for e in found if e.media}
    assert b"Exif" not in assets.kept[turned.digest]


def test_pictures_outside_the_folder_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "site"
    folder.mkdir()
    secret = tmp_path / "secret.png"
    secret.write_bytes(images.png())
    (folder / "link.png").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    references = ["../secret.png", str(secret), f"file://{secret}", "link.png", "linked/secret.png", "loop.png",
                  "..%2fsecret.png", "x/../../secret.png", "\\..\\secret.png", "a\0.png",
                  "/dev/zero", ".", ""]  # fmt: skip
    markup = "".join(f'<img src="{reference}">' for reference in references)
    assets = KeptAssets()
    assert elements(folder, markup, assets=assets) == []
    assert assets.kept == {}


def test_pictures_of_fetched_pages_are_not_looked_for_on_disk(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(images.png())
    data = htmls.body("<img src=a.png>")
    (tmp_path / "page").write_bytes(data)
    source = Source("https://example.org/page", "text/html", digest(data), str(tmp_path / "page"))
    assert [part.elements for part in HTML().load(source)] == [()]


def test_oversized_pictures_are_told_of(tmp_path: Path) -> None:
    bomb = htmls.data_uri(images.claims(60_000, 60_000))
    parts = load(tmp_path, htmls.body(f"<p>text</p><img src='{bomb}'>"))
    assert len(parts[0].elements) == 1
    assert "left out" in parts[0].warnings[0].message
