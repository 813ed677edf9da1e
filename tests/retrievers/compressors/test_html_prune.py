"""Pruning pages and evidence by a question."""

from __future__ import annotations

from pathlib import Path

import pytest
from rag.retrievers.compressors.html_prune import HtmlPrune
from rag.retrievers.compressors.rankings import best_first, by_bm25, by_embedding
from rag.retrievers.compressors.skeleton import page_of
from rag.retrievers.compressors.units import Pages, units

from rag.answer import Evidence, Hit, Selection, query
from rag.document import CharSpan, Chunk, MarkupPath, Origin, Source
from rag.identity import digest
from rag.markup import block_tree, select
from rag.words import WordCounter
from tests.golden import causal, evidences
from tests.golden.encoders import HashEncoder

TEXTS = ["the river rises in spring", "a gauge collects rain in a funnel", "boats sail", ""]
PAGE = (
    "<html><head><title>Weather</title><script>no()</script></head><body class=x><div><h2>River</h2>"
    "<p>The river rises in spring when snow melts.</p></div><div><h2>Rain</h2><p>A gauge collects the rain in "
    "its funnel.</p><p>It is read at nine each morning.</p></div>"
    "<div><p>Boats sail on the lake.</p></div></body></html>"
)


def count(text: str) -> int:
    return WordCounter().count([text])[0]


def test_bm25_against_values_worked_by_hand() -> None:
    # n = 2, each of 2 words, mean 2. "a1": df 1, idf ln 2; tf part 1 * 2.5 / (1 + 1.5). "b2": df 2, idf ln 1.2.
    assert by_bm25("a1 b2", ["a1 b2", "b2 c3"]) == pytest.approx([0.693147 + 0.182322, 0.182322], abs=1e-5)
    assert by_bm25("zz", TEXTS) == by_bm25("", TEXTS) == [0.0] * 4
    assert by_bm25("x", []) == []
    assert by_bm25("x", ["", ""]) == [0.0, 0.0]


@pytest.mark.parametrize("score", [by_bm25, lambda q, texts: by_embedding(HashEncoder(), q, texts)])
def test_the_text_that_answers_is_first_and_ties_keep_their_order(score) -> None:  # type: ignore[no-untyped-def]
    assert best_first(score("rain gauge funnel", TEXTS))[0] == 1
    assert best_first([1.0, 2.0, 1.0, 2.0]) == [1, 3, 0, 2]


def test_the_prefix_stands_before_the_question() -> None:
    plain, led = (by_embedding(HashEncoder(), "boats", TEXTS, prefix) for prefix in ("", "rain gauge: "))
    assert plain[1] < led[1]
    assert plain[3] == led[3] == 0.0


@pytest.mark.parametrize("rank", ["embedding", "bm25"])
def test_a_page_is_pruned_to_the_block_that_matters(rank: str) -> None:
    pruner = HtmlPrune(rank, max_words=8, encoder=HashEncoder())  # type: ignore[arg-type]
    out = pruner.prune("What collects rain in a funnel?", PAGE, 25)
    assert "A gauge collects the rain in its funnel." in out
    assert "Boats" not in out
    assert "script" not in out
    assert count(out) <= 25
    everything = pruner.prune(query("rain"), PAGE, 1000)
    assert all(word in everything for word in ("Boats", "River", "nine"))
    assert pruner.prune("rain", "", 10) == ""


def test_without_an_encoder_words_decide() -> None:
    assert "funnel" in HtmlPrune(max_words=8).prune("the funnel", PAGE, 20)


def test_two_steps_with_a_model(tmp_path: Path) -> None:
    pruner = HtmlPrune("generative", str(causal.made(tmp_path)), max_words=8, coarse_words=20, encoder=HashEncoder())
    out = pruner.prune("What collects rain in a funnel?", PAGE, 40)
    assert 0 < count(out) <= 40
    assert pruner.scorer is not None
    assert pruner.scorer.calls > 0
    tree = block_tree(PAGE, 8)
    scores = pruner.scorer.score("rain", tree.html, [block.tags for block in tree.blocks])
    assert pruner.ranking("rain", tree) == best_first(scores)


def test_settings_that_make_no_sense_are_refused() -> None:
    for options in ({"rank": "luck"}, {"rank": "generative"}, {"model": "x"}, {"max_words": 0}, {"coarse": -1}):
        with pytest.raises(ValueError, match=r"rank|model|sizes"):
            HtmlPrune(**options)  # type: ignore[arg-type]


def test_a_chunk_of_a_page_falls_into_the_blocks_that_it_was_packed_from() -> None:
    evidence = evidences.of_pages().evidence
    found = units(evidence, Pages())
    river = [unit for unit in found if evidence[unit.of].hit.chunk.origin.source.uri.endswith("river.html")]
    assert [unit.text(evidence) for unit in river] == [
        "The level of the river is read on a staff at the bridge.",
        "In spring the river rises when the snow melts in the hills above the town.",
        "- The staff has marks of one centimetre.",
        "- The funnel is not used here.",
        "Boats may pass the bridge below a level of two metres.",
    ]  # fmt: skip
    for at, one in enumerate(evidence):
        assert (
            "".join(one.hit.chunk.text[unit.start : unit.end] for unit in found if unit.of == at) == one.hit.chunk.text
        )


def test_what_is_kept_is_found_again_in_the_stored_page() -> None:
    chosen = evidences.of_pages()
    (one,) = HtmlPrune("bm25", max_words=4).compress(query("marks on the staff"), chosen, 8).evidence
    assert one.hit.chunk.text == "- The staff has marks of one centimetre."
    (place,) = one.hit.chunk.origin.places
    assert isinstance(place, MarkupPath)
    assert select(Path(one.hit.chunk.origin.source.path).read_bytes(), place.path).strip() in one.hit.chunk.text


def test_the_best_block_is_cut_where_it_is_too_long() -> None:
    (one,) = HtmlPrune("bm25", max_words=4).compress(query("snow melts in spring"), evidences.of_pages(), 5).evidence
    text = one.hit.chunk.text
    assert text == "In spring the river rises"
    place, span = one.hit.chunk.origin.places
    assert isinstance(place, MarkupPath)
    assert span == CharSpan(0, len(text))


def test_a_page_that_is_gone_or_changed_is_not_taken_apart(tmp_path: Path) -> None:
    from dataclasses import replace

    chosen = evidences.of_pages().evidence[-1]
    chunk = chosen.hit.chunk
    other = tmp_path / "other.html"
    other.write_bytes(b"<p>other")
    for path in ("", str(tmp_path / "none"), str(other), "/dev/zero"):
        origin = replace(chunk.origin, source=replace(chunk.origin.source, path=path))
        moved = replace(chosen, hit=replace(chosen.hit, chunk=replace(chunk, origin=origin)))
        (unit,) = units([moved], Pages())
        assert unit.text([moved]) == chunk.text


def test_the_page_made_of_evidence_has_the_names_of_its_paths() -> None:
    html, where = page_of(
        [
            ("/html/body/div[2]/p[1]", "a", "one <b>"),
            ("/html/body/div[2]/node()[3]", "a", "two"),
            ("/html/body/script[1]", "a", "three"),
            ("", "b", "four"),
            ("/html/body/*[3]/img[1]", "a", "five"),
        ]
    )
    assert html.replace("\n", "") == (
        "<html><body><div><p>one &lt;b&gt;</p><p>two</p></div><p>three</p><div><p>five</p></div></body></html>"
        "<html><body><p>four</p></body></html>"
    )
    assert where == [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1), (1, 0, 0), (0, 0, 2, 0)]


def test_whole_sentences_of_the_first_block_that_does_not_fit_are_kept(tmp_path: Path) -> None:
    text = "The staff has marks. They are a centimetre apart. Every tenth is red."
    path = tmp_path / "page.html"
    path.write_text(f"<p>Staff.</p><p>{text}</p>")
    source = Source(str(path), "text/html", digest(path.read_bytes()), str(path))
    chunk = Chunk(
        "c", "text", Origin(source, (MarkupPath("/html/body/p[1]"), MarkupPath("/html/body/p[2]"))), f"Staff.\n\n{text}"
    )
    chosen = Selection((Evidence(1, Hit(chunk, 1.0, "test"), 0.9),))
    pruner = HtmlPrune("bm25", max_words=2)
    kept = {
        budget: pruner.compress(query("the staff"), chosen, budget).evidence[0].hit.chunk for budget in (3, 5, 9, 12)
    }
    assert [one.text for one in kept.values()] == [
        "Staff.", "Staff.\nThe staff has marks.", "Staff.\nThe staff has marks.",
        "Staff.\nThe staff has marks. They are a centimetre apart.",
    ]  # fmt: skip
    assert kept[5].origin.places[-2:] == (MarkupPath("/html/body/p[2]"), CharSpan(0, 20))
