"""Figures and the sentences that mention them, linked both ways."""

from __future__ import annotations

from pathlib import Path

import pymupdf
from hypothesis import given
from hypothesis import strategies as st
from rag.loaders.chunking.structure import Structure
from rag.loaders.pdf import PDF
from rag.loaders.pdf.mentions import Mentions, label_of

from rag.document import Box, Element, Origin, PageRegion, Source
from rag.identity import contextual
from tests.golden.pdfs import LETTER, _bytes, lines, picture

SOURCE = Source("a.pdf", "application/pdf", "0" * 64)
SAID = "The vibration of the gearbox rises sharply after the storm, as Figure 3 shows."


def element(id: str, text: str = "", caption: str = "", page: int = 1, role: str = "paragraph") -> Element:
    origin = Origin(SOURCE, (PageRegion(page, Box(0, 0, 1, 0.1)),))
    kind = "image" if caption else "text"
    return Element(id, kind, "figure" if caption else role, origin, text, caption)  # type: ignore[arg-type]


def test_labels() -> None:
    assert label_of("Figure 3: Wear over time.") == "Figure 3"
    assert label_of("Table II. Costs") == "Table II"
    assert label_of("Wear over time") == ""


def test_links_go_both_ways() -> None:
    text = "As seen above. Figs. 1 and 2a differ; see table 4.1 (Tab. 9 is lost)."
    told, one, two, table = Mentions().joined([
        element("p", text), element("a", caption="Figure 1: A"), element("b", caption="Fig. 2. B"),
        element("c", caption="Table 4.1: C"),
    ])  # fmt: skip
    assert [(text[link.start : link.end], link.target) for link in told.links] == [
        ("Figs. 1", "#a"), ("2a", "#b"), ("table 4.1", "#c"),
    ]  # fmt: skip
    assert (one.label, two.label, table.label) == ("Figure 1", "Fig. 2", "Table 4.1")
    assert [mention.text for mention in two.mentions] == ["Figs. 1 and 2a differ; see table 4.1 (Tab. 9 is lost)."]
    assert two.mentions[0].place == told.origin.places[0]


def test_parts_know_what_earlier_ones_told() -> None:
    mentions = Mentions()
    (first,) = mentions.joined([element("p", "See Figure 7 for the plan.")])
    assert not first.links
    figure, again = mentions.joined(
        [element("f", caption="Figure 7: Plan", page=40), element("q", "And figure 7.", page=41)]
    )
    assert [one.text for one in figure.mentions] == ["See Figure 7 for the plan.", "And figure 7."]
    (last,) = mentions.joined([element("r", "Figure 7 again.", page=80)])
    assert [link.target for link in last.links] == ["#f"]
    assert again.links[0].target == "#f"


def test_a_label_that_occurs_twice_means_the_nearest() -> None:
    found = Mentions().joined([
        element("a", caption="Figure 1: A", page=1), element("b", caption="Figure 1: B", page=9),
        element("p", "Look at Figure 1.", page=8),
    ])  # fmt: skip
    assert [len(one.mentions) for one in found] == [0, 1, 0]


@given(st.lists(st.text("Figure 1ab,.tableand3 ", max_size=40), max_size=6))
def test_links_lie_in_their_text_and_mentions_are_bounded(texts: list[str]) -> None:
    found = Mentions().joined(
        [*(element(str(n), text) for n, text in enumerate(texts)), element("f", caption="Figure 1: x")]
    )
    for one in found:
        assert all(0 <= link.start < link.end <= len(one.text) for link in one.links)
        assert len(one.mentions) <= 4


def figured() -> bytes:
    document = pymupdf.open()
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    lines(page, [SAID, "It was written down by the crew of the second shift in the evening."], 72, 90)
    page = document.new_page(width=LETTER[0], height=LETTER[1])
    page.insert_image(pymupdf.Rect(72, 150, 312, 330), stream=picture())
    page.insert_text((72, 345), "Figure 3: Amplitude by hour", fontsize=9)
    return _bytes(document)


def test_the_words_of_a_mention_are_words_of_the_figures_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(figured())
    parts = list(PDF().load(Source("a.pdf", "application/pdf", "0" * 64, str(path))))
    (figure,) = [one for one in parts[0].elements if one.role == "figure"]
    (told,) = [one for one in parts[0].elements if SAID in one.text]
    assert [link.target for link in told.links] == [f"#{figure.id}"]
    (chunk,) = [one for one in Structure()(parts) if one.role == "figure"]
    assert [one.text for one in chunk.mentions] == [SAID]
    assert "storm" not in chunk.text
    assert "storm" in contextual(chunk)
