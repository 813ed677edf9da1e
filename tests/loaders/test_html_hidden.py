"""Web pages: what their readers cannot see is kept apart."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.loaders.chunking.structure import Structure

from rag.markup import select
from rag.words import words
from tests.golden import htmls
from tests.golden.pages import load, path, shown


def test_hidden_text_is_kept_apart_and_told(tmp_path: Path) -> None:
    markup = (
        "<p>seen</p><script>a</script><style>b</style><template><p>c</p></template><noscript>d</noscript>"
        "<div hidden><p>e</p></div><p style='color:red; DISPLAY : none'>f</p><p>g<span aria-hidden=true>h</span>i</p>"
        "<dialog>j</dialog><select><option>k<option selected>l</select><p style='visibility:hidden'>m</p><!-- n -->"
    )
    found = shown(tmp_path, markup)
    assert words(" ".join(text for role, text in found if role != "hidden")) == ["seen", "ghi", "l"]
    assert [text for role, text in found if role == "hidden"] == ["e", "f", "m"]
    (part,) = load(tmp_path, htmls.body(markup))
    assert [one.message for one in part.warnings] == [
        "3 texts that the page hides from its readers are kept apart, first 'e'"
    ]
    assert not {chunk.text for chunk in Structure()([part])} & {"e", "f", "m"}
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
        ("color:#fff", False),
        ("color:#eee", True),
        ("color:rgb(254 254 254 / 1)", False),
        ("color:#ffffff80", True),
        ("position:absolute; left:-9999px", False),
        ("position:absolute; left:-12px", True),
        ("left:-9999px", True),
        ("position:relative; top:-500px", False),
        ("margin-left:-9999px", False),
        ("margin-left:-200px", True),
        ("transform: translateX(-9999px)", False),
        ("transform: scale(0)", False),
        ("transform: scale(0.5)", True),
        ("width:1px; height:1px; overflow:hidden", False),
        ("width:1px; height:40px; overflow:hidden", True),
        ("text-indent:100%; overflow:hidden; white-space:nowrap", False),
        ("text-indent:100%", True),
        ("display/**/:/*x*/none", False),
        ("d\\69splay:none", False),
        ("display:none !important; display:block", False),
        ("display:none; display:block", True),
        ("color:transparent; background:linear-gradient(red, blue); -webkit-background-clip:text", True),
        ("color:white; background:url(dark.png) white", True),
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


def test_a_page_that_hides_itself_behind_a_notice_is_still_read(tmp_path: Path) -> None:
    markup = f"<div aria-hidden=true><p>{'the whole article ' * 20}</p></div><div><p>Accept?</p></div>"
    assert "article" in shown(tmp_path, markup)[0][1]


def judged(folder: Path, style: str, markup: str, head: str = "") -> dict[str, bool]:
    """Whether each text of a page is seen."""
    page = f"<!DOCTYPE html><html><head>{head}<style>{style}</style></head><body>{markup}</body></html>".encode()
    found = {}
    for part in load(folder, page):
        for one in part.elements:
            found[one.text] = one.role != "hidden"
            assert words(select(page, path(one))) == words(one.text)
    return found


@pytest.mark.parametrize(
    ("sheet", "seen"),
    [
        (".x{display:none}", False),
        ("p.x{display:none}", False),
        ("#i{visibility:hidden}", False),
        ("body > div p:first-child{display:none}", False),
        ("div > p:nth-child(2n+1){display:none}", False),
        ("div > p:nth-child(3n){display:none}", True),
        ("[data-k^='a']{display:none}", False),
        ("[data-k$='a']{display:none}", True),
        ("h1 + div .x{display:none}", False),
        ("h1 ~ div .x:not(.y){display:none}", False),
        ("h1 ~ div .x:not(.z){display:none}", True),
        (".q{display:none}", True),
        ("h1 .x{display:none}", True),
        (".x::before{display:none}", True),
        ("@media print{.x{display:none}}", True),
        ("@media (max-width:600px){.x{display:none}}", True),
        ("@media screen{.x{display:none}}", False),
        ("@media screen, print{.x{display:none}}", False),
        ("@supports (display:grid){.x{display:none}}", False),
        ("@keyframes a{from{display:none} p{display:none}} .q{}", True),
        (".x{display:none} .x{display:block}", True),
        ("p.x{display:none} .x{display:block}", False),
        (".x{display:none!important} p#i.x{display:block}", False),
        (".x{display:none} div .x.z{display:block}", True),
        (".x{display:none} .x:hover{display:block}", True),
        ("h1:hover ~ div .x{display:block} .x{display:none}", True),
        (".x{display:none} .x:hover{color:red}", False),
        (".x:hover{display:none}", True),
        ("/* .x{display:none} */", True),
        (".q{content:'}'} .x{display:none}", False),
        (".q{content:'.x{display:none}'}", True),
        ("<!-- .x{display:none} -->", False),
        (".x{opacity:0}", False),
        (".x{opacity:0;transition:opacity 1s}", True),
        (".x{color:white}", False),
        ("body{background:#123} .x{color:white}", True),
        ("body{background:#123} .x{color:#112233}", False),
        ("div{background:url(a.png)} .x{color:white}", True),
        (".x{position:absolute;left:-9999px}", False),
        (".x{position:absolute} p{left:-9999px}", True),
        (".x{position:absolute;width:1px;height:1px;overflow:hidden;clip:rect(0,0,0,0)}", False),
        (".x{display:none", False),
        ("}}}.x{display:none}", False),
        (".a{.x{display:none}}", True),
        ("body{display:none}", True),
        ("!!{display:none} .x{}", True),
    ],
)
def test_what_a_style_sheet_of_the_page_hides(tmp_path: Path, sheet: str, seen: bool) -> None:
    markup = "<h1>Head</h1><div><p class='x z' id=i data-k=ab>planted words</p><p>others</p></div>"
    found = judged(tmp_path, sheet, markup)
    assert found == {"planted words": seen, "Head": True, "others": True}


def test_an_attribute_goes_before_a_sheet_and_an_important_rule_before_it(tmp_path: Path) -> None:
    markup = "<p class=x style='display:block'>one</p><p class=y style='display:block'>two</p><p class=x>three</p>"
    found = judged(tmp_path, ".x{display:none}.y{display:none!important}", markup)
    assert found == {"one": True, "two": False, "three": False}


def test_white_on_white_is_judged_where_the_page_brings_all_its_styles(tmp_path: Path) -> None:
    assert judged(tmp_path, ".x{color:#fff}", "<p class=x>planted</p>") == {"planted": False}
    linked = "<link rel=stylesheet href=s.css>"
    assert judged(tmp_path, ".x{color:#fff}", "<p class=x>planted</p>", linked) == {"planted": True}
    itself = ".x{color:#fff;background:#fff}"
    assert judged(tmp_path, itself, "<p class=x>planted</p>", linked) == {"planted": False}
    bars = "nav,.bar{background:#333} .bar a, .bar p{color:#fff}"
    dark = "<div class=bar><p>A bar with <a href=x>links</a></p></div>"
    dark += "<table bgcolor=black><td style='color:white'>cell</table>"
    assert set(judged(tmp_path, bars, dark).values()) == {True}
    assert judged(tmp_path, "", "<font color=white>planted</font><p>seen</p>") == {"planted": False, "seen": True}
    link = "<div style='color:white'><p><a href=x>links are blue</a></p><p>planted</p></div>"
    assert judged(tmp_path, "", link) == {"links are blue": True, "planted": False}


def test_what_stands_inside_may_be_shown_again(tmp_path: Path) -> None:
    lists = "<ul class=x><li>one</li> <li>two</li><li class=q>three</li></ul>"
    assert judged(tmp_path, ".x{font-size:0} .x li{font-size:16px} .x .q{font-size:0}", lists) == {
        "- one": True, "- two": True, "three": False,
    }  # fmt: skip
    assert set(judged(tmp_path, ".x{font-size:0} .x li{font-size:1em}", lists).values()) == {False}
    mixed = "<div style='font-size:0'>planted<b style='font-size:12px'>more</b></div>"
    assert set(judged(tmp_path, "", mixed).values()) == {False}, "text of its own is hidden, so all of it is"
    menu = "<div style='visibility:hidden'><p>planted</p><p style='visibility:visible'>seen</p></div>"
    assert judged(tmp_path, "", menu) == {"planted": False, "seen": True}
    assert set(judged(tmp_path, "", menu.replace("visibility:hidden", "display:none")).values()) == {False}


@pytest.mark.parametrize(
    ("markup", "seen"),
    [
        ("<button aria-controls=p>Details</button><div id=p hidden>inside</div>", True),
        ("<a role=tab href='#p'>Second</a><div id=p style='display:none'>inside</div>", True),
        ("<button data-bs-target='#p'>More</button><div id=p class=none>inside</div>", True),
        ("<button popovertarget=p>Help</button><div id=p popover>inside</div>", True),
        ("<button aria-controls=p></button><div id=p hidden>inside</div>", False),
        ("<button aria-controls=p hidden>More</button><div id=p hidden>inside</div>", False),
        ("<div id=p hidden>inside <button aria-controls=p>Close</button></div>", False),
        ("<a href='#p'>Jump</a><div id=p hidden>inside</div>", False),
        ("<button aria-controls=p>More</button><div id=p style='font-size:0'>inside</div>", False),
        ("<button aria-controls=p>More</button><div id=p style='position:absolute;left:-999px'>inside</div>", False),
        ("<div hidden=until-found>inside</div>", True),
        ("<div hidden style='display:block'>inside</div>", True),
        ("<div popover>inside</div>", False),
        ("<details><summary>More</summary>inside</details>", True),
        ("<input type=checkbox id=c><label for=c>More</label><div class=checked>inside</div>", True),
    ],
)
def test_what_a_reader_can_open_is_seen(tmp_path: Path, markup: str, seen: bool) -> None:
    sheet = ".none{display:none} .checked{display:none} input:checked ~ .checked{display:block}"
    found = judged(tmp_path, sheet, markup)
    assert [one for text, one in found.items() if "inside" in text] == [seen]


def test_hidden_rows_and_cells_are_no_part_of_a_table(tmp_path: Path) -> None:
    markup = (
        "<table><caption>Rain <span hidden>planted0</span></caption><tr><th>Month<th>mm<th hidden>planted1</tr>"
        "<tr class=x><td>planted2<td>0</tr><tr><td>May<td style='font-size:0'>planted3</tr>"
        "<tr><td style='display:none'>planted4<td>June<td>81 <b class=x>planted5</b></tr></table>"
    )
    page = htmls.body(f"<style>.x{{display:none}}</style>{markup}")
    (part,) = load(tmp_path, page)
    table = next(one for one in part.elements if one.role == "table")
    assert table.text.splitlines() == ["| Month | mm |", "| --- | --- |", "| May |  |", "| June | 81 |"]
    assert table.caption == "Rain"
    hidden = [one for one in part.elements if one.role == "hidden"]
    assert sorted(one.text for one in hidden) == [
        "planted0", "planted1", "planted2 0", "planted3", "planted4", "planted5"
    ]  # fmt: skip
    for one in hidden:
        assert words(select(page, path(one))) == words(one.text)
    assert not any("planted" in chunk.text for chunk in Structure()([part]))


def test_formulas_are_read_once_whatever_hides_their_markup(tmp_path: Path) -> None:
    tex = "<math><semantics><mi>x</mi><annotation encoding='application/x-tex'>x^2</annotation></semantics></math>"
    sheet = "<style>.katex-mathml{position:absolute;clip:rect(1px,1px,1px,1px);overflow:hidden}</style>"
    katex = f"<p>A <span class=katex-mathml>{tex}</span><span class=katex-html aria-hidden=true>x2</span> b</p>"
    assert shown(tmp_path, sheet + katex) == [("paragraph", "A x^2 b")]
    wiki = f"<p>A <span style='display:none'>{tex}</span><img src=f.svg alt='{{\\displaystyle x^{{2}}}}'> b</p>"
    assert shown(tmp_path, wiki) == [("paragraph", "A {\\displaystyle x^{2}} b")]
    icons = "<p>Go <i class=material-icons aria-hidden=true>arrow_back</i> back</p>"
    assert shown(tmp_path, icons) == [("paragraph", "Go back")]
