"""What a hit covers: pages, blocks, seconds, boxes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rag.pipelines.evaluate.blocks import GoldBlock
from rag.pipelines.evaluate.boxes import covered, covers
from rag.pipelines.evaluate.documents import Target
from rag.pipelines.evaluate.questions import Question
from rag.pipelines.evaluate.units import (
    gold_units,
    hit_units,
    holds,
    ranked_units,
    same_branch,
    share_second,
    unit_kind,
)

from rag.document import WHOLE, Box, CellRange, CharSpan, Chunk, MarkupPath, Origin, PageRegion, Place, Source, TimeSpan
from rag.markup import parse

TARGET = Target("a" * 64, "a.pdf", 9)
NAME = "a" * 16
OTHER = "b" * 64


def chunk(*places: Place, text: str = "", digest: str = TARGET.digest) -> Chunk:
    return Chunk("id", "text", Origin(Source("a.pdf", "application/pdf", digest), places), text)


def page(number: int) -> PageRegion:
    return PageRegion(number, WHOLE)


def test_pages() -> None:
    question = Question("1", "?", 1, doc="a.pdf", pages=(2, 0, 3))
    assert unit_kind(question) == "page"
    assert gold_units(question, TARGET) == (f"{NAME}/p2", f"{NAME}/p3")
    assert hit_units(chunk(page(3), page(4), page(3)), question, TARGET) == (f"{NAME}/p3", f"{NAME}/p4")
    # Characters narrow the place before them and are no place of their own.
    assert hit_units(chunk(page(3), CharSpan(0, 9)), question, TARGET) == (f"{NAME}/p3",)
    assert hit_units(chunk(page(2), digest=OTHER), question, TARGET) == (f"{'b' * 16}/p2",)
    assert hit_units(chunk(CharSpan(0, 9)), question, None) == (f"{NAME}/c0-9",)
    assert hit_units(chunk(CellRange("Rain", "A1:B2")), question, None) == (f"{NAME}/sRain!A1:B2",)


def test_a_block_by_its_text() -> None:
    question = Question("1", "?", 1, doc="a.pdf", block_text="%j day of  the year, 001–366")
    table = "| Format | Explanation |\n| --- | :-: |\n| %j | day of the year, 001–366 |\n| a \\| b | c |"
    found = chunk(MarkupPath("/html/body/table"), MarkupPath("/html/body/p"), text=table)
    assert unit_kind(question) == "block"
    assert hit_units(found, question, TARGET) == gold_units(question, TARGET) == (f"{NAME}/gold-block",)
    assert holds(found, "ExplanatioN %j DAY")
    assert holds(found, "a | b c")
    assert not holds(found, "day of the week")
    assert not holds(found, "  ")
    elsewhere = chunk(MarkupPath("/html/body/table"), text=table, digest=OTHER)
    assert hit_units(elsewhere, question, TARGET) == (f"{'b' * 16}/x/html/body/table",)
    other = chunk(MarkupPath("/html/body/p[1]"), MarkupPath("/html/body/p[2]"), text="another")
    assert hit_units(other, question, TARGET) == (f"{NAME}/x/html/body/p",)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("/html/body/p[2]", "/html[1]/body[1]/p[2]", True),
        ("/html/body/table", "/html/body/table[1]/tr[3]", True),
        ("/html/body/p[2]", "/html/body/p[21]", False),
        ("/html/body/p[2]", "/html/body/p", False),
    ],
)
def test_paths_as_texts(one: str, other: str, same: bool) -> None:
    assert same_branch(one, other) is same
    assert same_branch(other, one) is same


PAGE = b"<html><body><p>a</p>loose<b>bold</b> tail<div><p>x</p><table><tr><td>1</td></tr></table></div></body></html>"


@pytest.mark.parametrize(
    ("gold", "met", "missed"),
    [
        ("/html/body/div/table", ["/html/body/div", "/html/body/div/table/tr/td", "/html/body/div/node()[2]"],
         ["/html/body/div/p", "/html/body/p", "/html/body/node()[position()>=1 and position()<=3]"]),
        ("/html/body/node()[position()>=2 and position()<=4]", ["/html/body/b", "/html/body/node()[4]", "/html/body"],
         ["/html/body/node()[5]", "/html/body/p"]),
        ("/html/body/div/p", ["/html/body/div/p/node()[1]"], ["/html/body/div/table"]),
    ],
)  # fmt: skip
def test_paths_by_what_they_select(gold: str, met: list[str], missed: list[str]) -> None:
    tree = parse(PAGE)
    assert tree is not None
    block = GoldBlock(tree, gold)
    assert [path for path in [*met, *missed] if block.meets(path)] == met
    question = Question("1", "?", 1, doc="a.html", path=gold)
    assert hit_units(chunk(MarkupPath(met[0])), question, TARGET, block) == (f"{NAME}/gold-block",)
    assert hit_units(chunk(MarkupPath(missed[0])), question, TARGET, block) != (f"{NAME}/gold-block",)


def test_a_path_that_selects_nothing_is_an_error() -> None:
    tree = parse(PAGE)
    assert tree is not None
    with pytest.raises(ValueError, match="selects nothing"):
        GoldBlock(tree, "/html/body/p[9]")
    with pytest.raises(ValueError, match="not a path"):
        GoldBlock(tree, "//p | document('file:///etc/passwd')")


@pytest.mark.parametrize(
    ("span", "gold"),
    [((0.0, 6.0), False), ((5.2, 6.5), True), ((12.0, 18.0), False), ((11.99, 13.0), True), ((6.0, 6.0), True)],
)
def test_seconds(span: tuple[float, float], gold: bool) -> None:
    question = Question("1", "?", 1, doc="a.mp4", span=(6.0, 12.0))
    assert unit_kind(question) == "second"
    found = hit_units(chunk(TimeSpan(*span)), question, TARGET)
    assert (found == gold_units(question, TARGET) == (f"{NAME}/gold-span",)) is gold
    assert share_second(span, (6.0, 12.0)) is gold


def test_units_in_order_of_first_hit() -> None:
    assert ranked_units([("b", "a"), ("a",), ("c", "b")]) == ["b", "a", "c"]


def test_a_share_of_a_box_by_hand() -> None:
    target = Box(0.0, 0.0, 0.4, 0.4)
    assert covered(target, [Box(0.0, 0.0, 0.2, 0.4)]) == pytest.approx(0.5)
    assert covered(target, [Box(0.0, 0.0, 0.2, 0.2), Box(0.1, 0.1, 0.3, 0.3)]) == pytest.approx(0.07 / 0.16)
    assert covered(target, [Box(0.5, 0.5, 1, 1)]) == covered(Box(0.1, 0.1, 0.1, 0.2), [WHOLE]) == 0.0


def test_a_hit_points_at_its_box_and_not_at_the_page() -> None:
    gold = [PageRegion(2, Box(0.1, 0.1, 0.5, 0.3))]
    assert covers([PageRegion(2, Box(0.1, 0.1, 0.5, 0.2)), PageRegion(2, Box(0.1, 0.2, 0.5, 0.25))], gold)
    assert not covers([PageRegion(2, Box(0.1, 0.1, 0.2, 0.3))], gold)
    assert not covers([PageRegion(3, Box(0.1, 0.1, 0.5, 0.3)), PageRegion(2, WHOLE), TimeSpan(0, 1)], gold)


SIDE = st.floats(0, 1)


def box(sides: list[float]) -> Box:
    (left, right), (top, bottom) = sorted(sides[:2]), sorted(sides[2:])
    return Box(left, top, right, bottom)


BOX = st.lists(SIDE, min_size=4, max_size=4).map(box)


@given(BOX, st.lists(BOX, max_size=5))
def test_a_share_grows_with_boxes_and_stays_one(target: Box, boxes: list[Box]) -> None:
    share = covered(target, boxes)
    assert 0 <= share <= 1
    assert covered(target, boxes[:-1]) <= share + 1e-9
    assert covered(target, [*boxes, *boxes]) == pytest.approx(share)
