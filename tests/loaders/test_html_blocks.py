"""Web pages: lists and their levels, definitions, footnotes and what bears their marks, code."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.loaders.chunking.structure import Structure
from rag.loaders.html.lists import marker

from rag.document import MarkupPath, Mention
from rag.markup import select
from rag.words import words
from tests.golden import htmls
from tests.golden.pages import elements, links, load, path, shown


def test_levels_and_marks_of_lists(tmp_path: Path) -> None:
    markup = (
        "<ol><li>One<ol type=a><li>first<ul><li>deep</li></ul></li><li>second</li></ol></li><li value=5>Five<p>more"
        "</p></li><li><p>six</p><p>still <a href=x>six</a></p><pre>code</pre></li></ol>"
        "<ol reversed><li>c</li><li>b</li><li>a</li></ol><ol type=I start=4><li>x</li></ol>"
    )
    assert shown(tmp_path, markup) == [
        ("list", "1. One"), ("list", "  a. first"), ("list", "    - deep"), ("list", "  b. second"),
        ("list", "5. Five"), ("list", "  more"), ("list", "6. six"), ("list", "  still six"), ("code", "code"),
        ("list", "3. c"), ("list", "2. b"), ("list", "1. a"), ("list", "IV. x"),
    ]  # fmt: skip
    assert [links(one) for one in elements(tmp_path, markup) if one.links] == [[("six", "x")]]


@pytest.mark.parametrize(
    ("kind", "start", "mark"),
    [
        ("a", 1, "a. "), ("a", 26, "z. "), ("A", 27, "AA. "), ("a", 703, "aaa. "), ("i", 1, "i. "),
        ("i", 1994, "mcmxciv. "),
        ("i", 4000, "4000. "), ("a", 0, "0. "), ("1", 7, "7. "), ("", -2, "-2. "),
    ],
)  # fmt: skip
def test_marks_as_browsers_write_them(kind: str, start: int, mark: str) -> None:
    from lxml import html

    ordered = html.fragment_fromstring(f"<ol type='{kind}'><li>x</li></ol>")
    assert marker(ordered, ordered[0], 1, start - 1) == (mark, start)


def test_a_term_and_all_that_explains_it_are_one(tmp_path: Path) -> None:
    markup = (
        "<dl><dt><a href=t>Term</a></dt><dd>First.</dd><dd>Second <a href=s>one</a>.</dd><dt>: Next</dt><dd>Third.</dd>"
        "<dt>Two</dt><dt>of them</dt><dd>Fourth.</dd><dt>Alone</dt><dt>With blocks</dt><dd><p>a</p><p>b</p></dd></dl>"
    )
    page = htmls.body(markup)
    found = elements(tmp_path, page)
    assert [one.text for one in found] == [
        "Term:\nFirst.\nSecond one.", "Next: Third.", "Two\nof them:\nFourth.", "Alone\nWith blocks", "a", "b",
    ]  # fmt: skip
    assert links(found[0]) == [("Term", "t"), ("one", "s")]
    for one in found:
        assert words(select(page, path(one))) == words(one.text)


NOTES = [
    (
        "<section class=footnotes role=doc-endnotes><ol><li id=n1><p>The note. <a href='#r1'>↩</a></p></li>"
        "<li id=n2>Other note.<p>Its end.</p></li></ol></section>",
        ["1. The note.", "2. Other note.", "Its end."],
    ),
    (
        "<ol class=references><li id=n1><b><a href='#r1'>^</a></b> <span>The note.</span></li>"
        "<li id=n2><a href='#r2'>↑</a> Other note.</li></ol>",
        ["1. The note.", "2. Other note."],
    ),
    (
        "<dl class='footnote brackets'><dt class=label id=n1>1</dt><dd><p>The note.</p></dd>"
        "<dt class=label id=n2>2</dt><dd>Other note.</dd></dl>",
        ["1: The note.", "2: Other note."],
    ),
    (
        "<aside class=footnote-list><aside class=footnote id=n1 role=doc-footnote><span class=label>["
        "<a href='#r1'>1</a>]</span><p>The note.</p></aside>"
        "<aside class=footnote id=n2><span class=label>[2]</span><p>Other note.</p></aside></aside>",
        ["[1] The note.", "[2] Other note."],
    ),
    (
        "<div class=footnote><p><a name=n1 href='#r1'>[1]</a> The note.</p><p><a name=n2 href='#r2'>[2]</a> Other "
        "note.</p></div>",
        ["[1] The note.", "[2] Other note."],
    ),
]


@pytest.mark.parametrize(("notes", "texts"), NOTES)
def test_notes_know_the_sentences_that_bear_their_marks(tmp_path: Path, notes: str, texts: list[str]) -> None:
    markup = (
        "<p>Rain fell. It was measured<sup><a id=r1 href='#n1'>1</a></sup> by hand. Wind blew.<a class=footnote-ref "
        f"id=r2 href='#n2'>[2]</a> The end.</p><p>Again.<sup><a href='#n1'>1</a></sup></p>{notes}<p>After.</p>"
    )
    page = htmls.body(markup)
    (part,) = load(tmp_path, page)
    first, again, *noted, after = part.elements
    assert first.text == "Rain fell. It was measured[1] by hand. Wind blew.[2] The end."
    assert links(first) == [("[1]", "#n1"), ("[2]", "#n2")]
    assert again.text == "Again.[1]"
    assert [(one.role, one.text) for one in noted] == [("footnote", text) for text in texts]
    here = MarkupPath(path(first))
    one = next(one for one in noted if "The note" in one.text)
    assert (one.label, one.mentions) == (
        "1", (Mention("It was measured[1] by hand.", here), Mention("Again.[1]", MarkupPath(path(again)))),
    )  # fmt: skip
    other = next(one for one in noted if "Other" in one.text)
    assert (other.label, other.mentions[0].place) == ("2", here)
    assert "Wind blew." in other.mentions[0].text
    assert (after.role, after.text) == ("paragraph", "After.")
    for element in noted:
        assert not set(words(element.text)) - set(words(select(page, path(element)))) - {"1", "2"}
    mentioned = [chunk for chunk in Structure()([part]) if chunk.mentions]
    assert any("The note." in chunk.text for chunk in mentioned)


@pytest.mark.parametrize(
    "markup",
    [
        "<p>See<sup><a href='#x'>1</a></sup></p><h2 id=x>Section</h2><p>Text</p>",
        "<p>See<sup><a href='#none'>1</a></sup></p>",
        "<p>x<sup>2</sup> and <a href='#x'>1</a></p><ol class=footnotes><li id=x>a</li></ol>",
        "<p>The<sup><a href='#x'>whole story of it</a></sup></p><ol class=footnotes><li id=x>a</li></ol>",
    ],
)
def test_other_links_are_no_marks(tmp_path: Path, markup: str) -> None:
    found = elements(tmp_path, markup)
    assert not any(one.role == "footnote" or one.mentions or "[" in one.text for one in found)


@pytest.mark.parametrize(
    ("markup", "text", "language"),
    [
        ("<pre><code class=language-js><div class=line>a</div><div class=line>  b</div></code></pre>", "a\n  b", "js"),
        ("<pre>a\n\n<div>b\n</div><div>c</div></pre>", "a\n\nb\nc", ""),
        ("<pre><ol><li>x = 1</li><li>  y</li></ol></pre>", "x = 1\n  y", ""),
        ("<pre><span class=lineno>1 </span>a\n<span class=lineno>2 </span>  b</pre>", "a\n  b", ""),
        ("<pre>\tif x:\n\t\ty  # two  spaces\n</pre>", "\tif x:\n\t\ty  # two  spaces", ""),
        ("<pre class='rust rust-example'><code>let x;</code></pre>", "let x;", "rust"),
        ("<pre><code class=python>x</code></pre>", "x", "python"),
        ("<pre class='brush: ruby'>x</pre>", "x", "ruby"),
        ("<pre class='src src-lisp'>x</pre>", "x", "lisp"),
        ("<pre lang=c>x</pre>", "x", "c"),
        ("<pre lang=en>x</pre>", "x", ""),
        (
            "<table class=highlighttable><tr><td class=linenos><pre>1\n2</pre></td><td class=code>"
            "<div class='highlight-sql'><pre>a\nb</pre></div></td></tr></table>",
            "a\nb", "sql",
        ),
    ],
)  # fmt: skip
def test_code_of_other_makers(tmp_path: Path, markup: str, text: str, language: str) -> None:
    (code,) = elements(tmp_path, markup)
    assert (code.role, code.text, code.language) == ("code", text, language)


def test_a_mark_behind_a_full_stop_belongs_to_the_sentence_before_it(tmp_path: Path) -> None:
    markup = (
        "<p>Rain fell. Wind blew. <sup><a href='#n'>1</a></sup> The end came late.</p>"
        "<ol class=footnotes><li id=n>The note.</ol>"
    )
    *_, note = elements(tmp_path, markup)
    assert [one.text for one in note.mentions] == ["Wind blew."]
