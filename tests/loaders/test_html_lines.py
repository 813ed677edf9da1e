"""Web pages: links, formulas, code and line breaks in a text."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.markup import select
from tests.golden import htmls
from tests.golden.pages import elements, links, path, shown


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


def test_links_in_tables_are_links_of_their_markdown(tmp_path: Path) -> None:
    markup = (
        "<table><caption>All <a href=no>links</a></caption><tr><th>A <a href=h1>head</a><th colspan=2>B"
        "<tr><th><a href=h2>below</a><th>x|y<th><a href=h3>c</a>"
        "<tr><td rowspan=2><a href=r1>two rows</a> long<td>a|b <a href=r2>p|q</a><td><ul><li>1<li><a href=r3>2</a></ul>"
        "<tr><td><td>"
        "<tr><td><td><a href=r4><b>last</b> one</a> | <a href=r5>end</a></table>"
    )
    table = elements(tmp_path, markup)[0]
    assert links(table) == [
        ("head", "h1"), ("below", "h2"), ("c", "h3"), ("two rows", "r1"), ("p\\|q", "r2"), ("2", "r3"),
        ("last one", "r4"), ("end", "r5"),
    ]  # fmt: skip
    titled = "<table><tr><td colspan=2>Title <a href=t>of it</a><tr><th>a<th>b<tr><td>1<td><a href=u>2</a></table>"
    assert links(elements(tmp_path, titled)[0]) == [("2", "u")]
    bare = "<table><tr><td><a href=a>1</a><td>2<tr><td><a href=b>3</a><td><a href=b>3</a></table>"
    assert links(elements(tmp_path, bare)[0]) == [("1", "a"), ("3", "b"), ("3", "b")]
