"""What `rag.Corpus` returns: hits and answers that can draw their evidence."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PIL import Image

from rag.answer import Answer, Citation, Evidence, Hit, Refusal, Score
from rag.document import Box, Chunk, MarkupPath, Origin, PageRegion, Place, Source, TimeSpan
from rag.errors import SourceError
from rag.shown import Found, Shown
from rag.store.assets import FolderAssets

SOURCE = Source('<b>"a".pdf', "application/pdf", "0" * 64)
REGION = PageRegion(2, Box(0.1, 0.1, 0.5, 0.5))


class Assets(FolderAssets):
    """Draws one picture, or says what is wrong with the source."""

    def __init__(self, folder: Path, error: SourceError | None = None) -> None:
        super().__init__(folder)
        self.error = error
        self.asked: list[Place] = []

    def crop(self, source: Source, place: Place, dpi: int = 144) -> bytes:
        self.asked.append(place)
        if self.error:
            raise self.error
        return picture()


def picture() -> bytes:
    from io import BytesIO

    from PIL import Image

    told = BytesIO()
    Image.new("RGB", (40, 40), "white").save(told, "PNG")
    return told.getvalue()


def found(assets: Assets, *places: Place, number: int = 0, **fields: Any) -> Found:
    chunk = Chunk(
        "c1", "text", Origin(SOURCE, places or (REGION,)), text="<script>rain</script>  fell\n" * 30, **fields
    )
    hit = Hit(chunk, 0.5, "dense", {"dense": Score(1, 0.5)})
    store = _store(assets)
    return Found(store, hit, number, 0.9 if number else None)


@pytest.fixture
def assets(tmp_path: Path) -> Assets:
    return Assets(tmp_path)


def _store(assets: Assets, printed: str = "") -> Any:
    catalog = SimpleNamespace(label=lambda digest, number: printed)
    return cast(Any, SimpleNamespace(assets=assets, seen=assets, catalog=catalog))


def test_the_printed_label_of_a_page_is_told_beside_its_number(assets: Assets) -> None:
    one = Found(_store(assets, "iv"), found(assets).hit)
    assert one.where.startswith('<b>"a".pdf, page 2 (iv), box')
    assert one.to_json()["page_label"] == "iv"
    assert "page_label" not in found(assets).to_json()


def test_a_hit_tells_what_it_is(assets: Assets) -> None:
    one = found(assets)
    assert (one.score, one.source, one.page, one.places) == (0.5, '<b>"a".pdf', 2, (REGION,))
    assert one.where == '<b>"a".pdf, page 2, box [0.1, 0.1, 0.5, 0.5]'
    assert repr(one).startswith(f"<{one.where}: <script>rain</script> fell ")
    assert repr(one).endswith("…>")
    assert found(assets, TimeSpan(1, 2)).page is None


def test_a_hit_is_json_and_evidence_is_more(assets: Assets) -> None:
    assert found(assets).to_json()["rank"] == 1
    assert "relevance" not in found(assets).to_json()
    assert found(assets, number=3).to_json()["relevance"] == 0.9
    assert found(assets, number=3).to_json()["number"] == 3


def test_a_region_is_drawn(assets: Assets) -> None:
    assert found(assets).image().startswith(b"\x89PNG")
    assert isinstance(assets.asked[0], PageRegion)
    assert found(assets).image(page=True).startswith(b"\x89PNG")
    assert assets.asked[1] == PageRegion(2, Box(0, 0, 1, 1))


def test_a_picture_in_markup_is_given(assets: Assets) -> None:
    media = assets.put(b"the picture", "image/png")
    assert found(assets, MarkupPath("/img"), media=media).image() == b"the picture"
    assert assets.asked == []


def test_a_frame_of_a_recording_is_given_as_png(assets: Assets) -> None:
    kept = BytesIO()
    Image.new("RGB", (8, 6), "red").save(kept, "JPEG")
    media = assets.put(kept.getvalue(), "image/jpeg")
    drawn = Image.open(BytesIO(found(assets, TimeSpan(1, 2), media=media).image()))
    assert (drawn.format, drawn.size) == ("PNG", (8, 6))


def test_what_has_no_picture_says_so(tmp_path: Path) -> None:
    assets = Assets(tmp_path, SourceError("has no picture to show", source="a", kind="unsupported"))
    with pytest.raises(SourceError, match="has no picture"):
        found(assets, MarkupPath("/p")).image()
    shown = found(assets, MarkupPath("/p"))._repr_html_()
    assert "<blockquote>&lt;script&gt;rain" in shown


def test_a_notebook_shows_the_crop_and_no_markup_of_the_source(assets: Assets) -> None:
    shown = found(assets, number=2)._repr_html_()
    assert "<b>[2] &lt;b&gt;&quot;a&quot;.pdf" in shown
    assert b64encode(found(assets).image(96)).decode() in shown
    assert "<script>" not in shown


def answered(assets: Assets, **fields: Any) -> Shown:
    evidence = tuple(Evidence(n, found(assets, number=n).hit, 0.9) for n in (1, 2, 3))
    one = Answer("Rain <b>fell</b>.", evidence, (Citation(0, 4, (3, 1)),), **fields)
    return Shown(_store(assets), one)


def test_an_answer_shows_what_it_cites(assets: Assets) -> None:
    shown = answered(assets)
    assert [one.number for one in shown.evidence] == [1, 2, 3]
    assert [one.number for one in shown.cited] == [1, 3]
    assert str(shown) == repr(shown)
    assert str(shown).startswith("Rain <b>fell</b>.\n  [1] ")
    assert "[2]" not in str(shown)
    assert shown.to_json("q")["query"] == "q"
    assert not shown.abstained
    page = shown._repr_html_()
    assert page.startswith("<p>Rain &lt;b&gt;fell&lt;/b&gt;.</p>")
    assert page.count("<figure>") == 2
    assert shown.evidence[0].image().startswith(b"\x89PNG")


def test_a_refusal_shows_what_came_near(assets: Assets) -> None:
    near = (Evidence(1, found(assets).hit, 0.1),)
    shown = answered(assets, refusal=Refusal("nothing <here>", 0.9, near))
    assert shown.abstained
    assert str(shown).startswith("No answer: nothing <here>\n  near: ")
    assert "nothing &lt;here&gt;" in shown._repr_html_()
    assert shown._repr_html_().count("<figure>") == 1
