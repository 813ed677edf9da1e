"""HtmlRAG: equal to the package where it is right, and right where it is not."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.identity import combined
from rag.markup import BlockTree, TooMuch, block_tree, clean, prune
from tests.golden import htmlrag

KEPT = json.loads(htmlrag.KEPT.read_text(encoding="utf-8"))
WORDS = htmlrag.Words()
CHANCE = st.randoms(use_true_random=False)


def count(text: str) -> int:
    return len(WORDS.encode(text))


def plain(chance: object) -> str:
    """A page drawn by chance without tags whose text a page does not show."""
    return re.sub("<(/?)(script|style|template)", r"<\1section", htmlrag.drawn(chance))  # type: ignore[arg-type]


def visible(html: str) -> str:
    from bs4 import BeautifulSoup

    page = BeautifulSoup(html, "html.parser")
    for tag in page(["script", "style"]):
        tag.decompose()
    return "".join(page.get_text().split())


def test_cleaning_is_equal_to_the_package() -> None:
    wrong = [
        page for page, (cleaned, _, _) in zip(htmlrag.inputs(), KEPT["pages"], strict=True) if clean(page) != cleaned
    ]
    assert wrong == []


def test_cleaning_with_attributes_is_equal_to_the_package() -> None:
    for page, (_, kept, _) in zip(htmlrag.inputs(), KEPT["pages"], strict=True):
        assert combined(clean(page, keep_attr=True, declarations=True))[:16] == kept, page


@pytest.mark.parametrize(("at", "size"), list(enumerate(htmlrag.SIZES)))
def test_block_trees_are_equal_to_the_package(at: int, size: int) -> None:
    for page, (_, _, kept) in zip(htmlrag.inputs(), KEPT["pages"], strict=True):
        for chinese in (False, True):
            tree = block_tree(page, size, chinese=chinese, roots="code")
            paths = [list(one.path) for one in tree.blocks]
            texts = [one.text for one in tree.blocks if one.leaf]
            key = htmlrag.tree_key(paths, [one.leaf for one in tree.blocks], texts, tree.html)
            assert key == kept[2 * at + chinese], (page, size, chinese)


@settings(max_examples=40, deadline=None)
@given(CHANCE)
def test_cleaning_keeps_every_word_and_once_is_enough(chance: object) -> None:
    page = plain(chance)
    cleaned = clean(page)
    assert visible(cleaned) == visible(page)
    assert clean(cleaned) == cleaned
    assert not re.search(r"<!--|=[xy]>", cleaned)


@settings(max_examples=40, deadline=None)
@given(CHANCE, st.sampled_from([1, 3, 10]), st.sampled_from([0, 1]))
def test_every_word_is_in_one_block_with_the_papers_bare_text(chance: object, size: int, first: int) -> None:
    page = clean(plain(chance))
    tree = block_tree(page, size, bare_text="paper", first=first)  # type: ignore[arg-type]
    assert Counter("".join("".join(one.text.split()) for one in tree.blocks)) == Counter(visible(page))
    for one in tree.blocks:
        assert not one.leaf or len(one.path) <= 1 or len(one.text.split()) <= size or inside(tree, one.at) == 0


def inside(tree: BlockTree, at: tuple[int, ...]) -> int:
    """Tags in the element at these numbers."""
    from bs4 import BeautifulSoup
    from bs4.element import Tag

    tag: Tag = BeautifulSoup(tree.html, "html.parser")
    for number in at:
        tag = [child for child in tag.contents if isinstance(child, Tag)][number]
    return sum(isinstance(child, Tag) for child in tag.contents)


def test_names_are_numbered_from_0_as_the_code_or_1_as_the_paper() -> None:
    page = "<html><body><div>a b</div><p>c d</p><div>e f</div></body></html>"
    assert [one.tags for one in block_tree(page, 2).blocks] == [
        "<html><body><div0>", "<html><body><p>", "<html><body><div1>",
    ]  # fmt: skip
    assert [one.path[-1] for one in block_tree(page, 2, first=1).blocks] == ["div1", "p", "div2"]


def test_bare_text_is_a_block_in_the_paper_and_only_long_bare_text_in_the_code() -> None:
    page = "<body>short bare<p>one two three four</p><p>five six seven eight</p></body>"
    assert [one.leaf for one in block_tree(page, 4).blocks] == [True, True]
    paper = block_tree(page, 4, bare_text="paper")
    assert [(one.path, one.leaf, one.text) for one in paper.blocks][-1] == (("body",), False, "short bare")
    kept = prune(paper, [0, 1, 2], 6, count)
    assert kept.blocks == (0,)
    assert "bare" not in kept.html
    assert "bare" in prune(block_tree(page, 4), [0, 1], 12, count).html


def test_a_short_page_of_several_roots_keeps_its_text() -> None:
    tree = block_tree("<p>one</p> and <p>two</p>")
    assert tree.html == "<html><p>one</p> and <p>two</p></html>"
    assert (tree.blocks[0].path, tree.blocks[0].text) == (("html",), "one and two")
    assert prune(tree, [0], 50, count).html == tree.html
    assert block_tree("<p>one</p> and <p>two</p>", roots="code").html == " and "


# --- pruning -------------------------------------------------------------------------------------


def test_pruning_is_equal_to_version_0_0_3() -> None:
    tree = block_tree(htmlrag.ten_blocks(), 25)
    mine = [prune(tree, htmlrag.RANKING, window, count).html for window in htmlrag.WINDOWS]
    assert mine == KEPT["pruned"]


def test_the_windows_of_the_specification() -> None:
    tree = block_tree(htmlrag.ten_blocks(), 25)
    kept = {window: sorted(prune(tree, htmlrag.RANKING, window, count).blocks) for window in (30, 50, 80, 120)}
    assert kept == {30: [7], 50: [3, 7], 80: [3, 5, 7], 120: [0, 1, 3, 5, 7]}


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(10)), st.integers(1, 260), st.integers(1, 260))
def test_a_larger_budget_keeps_what_a_smaller_one_keeps(ranking: list[int], one: int, other: int) -> None:
    tree = block_tree(htmlrag.ten_blocks(), 25)
    small, large = (prune(tree, ranking, budget, count) for budget in sorted((one, other)))
    assert set(small.blocks) <= set(large.blocks)
    assert small.blocks[0] == ranking[0]
    assert count(small.html) <= min(one, other)
    assert not small.cut or small.blocks == (ranking[0],)


@settings(max_examples=40, deadline=None)
@given(CHANCE, st.integers(1, 120), st.integers(1, 120))
def test_budgets_over_pages_drawn_by_chance(chance: object, one: int, other: int) -> None:
    tree = block_tree(clean(htmlrag.drawn(chance)), 3, bare_text="paper")  # type: ignore[arg-type]
    ranking = list(range(len(tree.blocks)))
    small, large = (prune(tree, ranking, budget, count) for budget in sorted((one, other)))
    assert set(small.blocks) <= set(large.blocks)
    assert count(small.html) <= min(one, other)


def test_what_is_no_ranking_or_budget_is_refused() -> None:
    tree = block_tree("<p>one </p><p>two</p>", 1)
    for ranking in ([0], [0, 0], [0, 1, 2], [1, 2]):
        with pytest.raises(ValueError, match="each of 2 blocks once"):
            prune(tree, ranking, 10, count)
    with pytest.raises(ValueError, match="at least 1"):
        prune(tree, [0, 1], 0, count)
    with pytest.raises(ValueError, match="max_words"):
        block_tree("x", 0)


def test_deep_and_large_pages_are_cleaned_in_time_linear_in_their_size() -> None:
    deep = "<div>word " * 20_000 + "end"
    assert clean(deep).count("word") == 20_000
    tree = block_tree(deep, 5)
    assert max(len(one.path) for one in tree.blocks) == 64
    with pytest.raises(TooMuch):
        clean("<" * 2_000_001)
