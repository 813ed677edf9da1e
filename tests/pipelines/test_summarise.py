"""Summaries: what is described once, kept, found, and never quoted."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rag.answer import Query, Settings
from rag.cli import main
from rag.corpus import Corpus
from rag.errors import ConfigError, CorpusError
from tests.golden.captioners import Colours
from tests.golden.checkpoints import plain
from tests.pipelines.test_ingest import add

TABLE = "# Rain\n\n| month | rain |\n| --- | --- |\n| May | 81 mm |\n| June | 12 mm |\n"


@pytest.fixture
def pictures(hashed: Path, tmp_path: Path) -> Path:
    """A corpus of three photos, a twin of one of them, an icon, and a table of words."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for name, colour in [("a", "green"), ("b", "red"), ("c", "blue")]:
        (folder / f"{name}.png").write_bytes(noisy(colour))
    (folder / "d.md").write_text(TABLE)
    (folder / "icon.png").write_bytes(noisy("red", 50, 51))
    add(hashed, folder)
    return hashed


def noisy(colour: str, width: int = 120, height: int = 160) -> bytes:
    """A picture of one colour with an edge of noise, since a plain one is too few bytes to be a picture."""
    import io

    import numpy as np
    from PIL import Image

    pixels = np.array(Image.new("RGB", (width, height), colour))
    pixels[:20] = np.random.default_rng(0).integers(0, 255, (20, width, 3))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def run(corpus: Path, captioner: Any, most: int | None = None, **options: Any) -> Any:
    with Corpus(corpus) as opened:
        return opened.summarising(captioner=captioner, **options).run(most)


def dump(corpus: Path) -> list[tuple[object, ...]]:
    """What the catalog holds of chunks, views and vectors."""
    with closing(sqlite3.connect(corpus / "catalog.sqlite")) as rows:
        chunks = rows.execute("SELECT row, id, body FROM chunks ORDER BY row").fetchall()
        views = rows.execute("SELECT chunk, name, digest FROM views ORDER BY chunk, name").fetchall()
        vectors = rows.execute("SELECT digest, vector FROM vectors ORDER BY digest").fetchall()
    return [*chunks, *views, *vectors]


def test_a_picture_without_words_is_found_by_its_summary(pictures: Path) -> None:
    told = run(pictures, Colours())
    assert (told.pictures, told.small, told.calls, told.known, told.failed) == (4, 1, 4, 0, [])
    assert told.usage.calls == 4
    with Corpus(pictures) as corpus:
        for words, name in [("harbour", "c.png"), ("a meadow, green and wide", "a.png")]:
            first = corpus.search(words)[0]
            assert Path(first.source).name == name
            assert {"dense", "dense.summaries", "lexical"} <= set(first.hit.parts)
            assert first.chunk.text == ""
            assert first.chunk.summary is not None
            assert first.chunk.summary.made == "written"
            assert first.image().startswith(b"\x89PNG")  # the evidence is the picture
        assert corpus.store.catalog.textual() == len(corpus.store.text)
    assert main(["check", "--corpus", str(pictures)]) == 0


def test_nothing_of_a_summary_is_quoted_and_the_picture_is_what_is_shown(pictures: Path) -> None:
    run(pictures, Colours())
    with Corpus(pictures) as corpus:
        shown = corpus.ask("Where is the blue harbour?")
        assert shown.text == ""
        assert shown.refusal is not None
        assert "harbour" not in json.dumps(shown.refusal.reason)
        assert Path(shown.near_misses[0].source).name == "c.png"
        assert shown.near_misses[0].chunk.origin.places[0].page == 1  # type: ignore[union-attr]
        # The table has words: they are quoted, those that were made about it never.
        answer = corpus.answers([Query(("words about rain in May",))], Settings())[0]
        assert "81 mm" in answer.text
        assert "words about" not in answer.text


def test_a_second_run_calls_nothing_and_changes_nothing(pictures: Path) -> None:
    captioner = Colours()
    run(pictures, captioner)
    before, generation = dump(pictures), sequence(pictures)
    told = run(pictures, captioner)
    assert (told.calls, told.known, len(captioner.asked)) == (0, 4, 4)
    assert dump(pictures) == before
    assert sequence(pictures) == generation


def sequence(corpus: Path) -> int:
    with Corpus(corpus) as opened:
        return opened.store.catalog.sequence()


def test_the_same_pixels_are_asked_about_once(pictures: Path, tmp_path: Path) -> None:
    """A table that stands in two files, word for word."""
    (tmp_path / "more.md").write_text(TABLE + "\nOther words below.\n")
    add(pictures, tmp_path / "more.md")
    told = run(pictures, Colours(together=8))
    assert (told.pictures, told.calls, told.known) == (5, 4, 1)


def test_what_is_planned_is_what_is_called(pictures: Path) -> None:
    captioner = Colours()
    settings = (pictures / "corpus.toml").read_text()
    with Corpus(pictures) as corpus:
        plan = corpus.summarising(dry=True, captioner=captioner).planned()
    assert (plan.calls, plan.usage.input_tokens, plan.price, captioner.asked) == (4, 400, 0.4, [])
    assert (pictures / "corpus.toml").read_text() == settings
    with Corpus(pictures) as corpus:
        part = corpus.summarising(dry=True, captioner=captioner).planned(3)
    assert (part.calls, part.left, part.usage.input_tokens) == (3, 1, 300)
    assert run(pictures, captioner, 3).left == 1
    with Corpus(pictures) as corpus:
        assert corpus.summarising(dry=True, captioner=captioner).planned().calls == 1
    assert run(pictures, captioner, 0).calls == 0
    assert run(pictures, captioner).calls == 1
    assert len(captioner.asked) == 4


def test_parts_of_a_run_give_what_a_whole_run_gives(pictures: Path, tmp_path: Path) -> None:
    import shutil

    whole = tmp_path / "whole"
    shutil.copytree(pictures, whole)
    run(whole, Colours())
    for _ in range(4):
        run(pictures, Colours(), 1)
    assert dump(pictures) == dump(whole)


def test_a_failure_costs_that_picture_alone(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "e.png").write_bytes(noisy("yellow"))
    add(pictures, tmp_path / "e.png")
    captioner = Colours()
    told = run(pictures, captioner)
    assert [one.split(": ")[1] for one in told.failed] == ["what is this?"]
    assert "e.png" in told.failed[0]
    assert told.calls == 5
    assert run(pictures, captioner).calls == 1  # it is asked about again, and it alone


def test_a_server_that_is_down_ends_the_run(hashed: Path, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(14):
        (folder / f"{number}.png").write_bytes(noisy("red", 100 + number))
    add(hashed, folder)
    captioner = Colours()
    captioner.broken = True
    told = run(hashed, captioner)
    assert (told.calls, len(told.failed)) == (10, 10)
    assert "10 failures in a row" in told.warnings[0]
    captioner.broken = False
    assert run(hashed, captioner).calls == 14


def test_a_kill_between_summary_and_vector_is_made_good(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag.pipelines import summarise

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(summarise, "encode_missing", killed)
        with pytest.raises(KeyboardInterrupt):
            run(pictures, Colours())
    captioner = Colours()
    assert run(pictures, captioner).known == 4
    assert captioner.asked == []
    with Corpus(pictures) as corpus:
        assert len(corpus.store.vectors["summaries"]) == 4


def test_another_model_or_prompt_is_another_summary(pictures: Path) -> None:
    run(pictures, Colours())
    told = run(pictures, Colours(name="another"))
    assert told.calls == 4
    with Corpus(pictures) as corpus:
        summaries = [one.chunk.summary for one in corpus.search("harbour")]
    assert {one.by for one in summaries if one} == {"another"}
    assert len(json.loads(swept(pictures))) > 1


def swept(corpus: Path) -> str:
    """Summaries that nothing has any more go with `rag gc`, those in use stay."""
    from rag.registry import load

    with Corpus(corpus) as opened:
        freed = load("pipelines/sweep")(opened.store)  # type: ignore[operator]
        assert freed["summaries"] == 4
        assert load("pipelines/sweep")(opened.store)["summaries"] == 0  # type: ignore[operator]
    captioner = Colours(name="another")
    assert run(corpus, captioner).calls == 0
    return json.dumps(freed)


def test_a_document_that_is_read_again_gets_its_summary_back_without_a_call(pictures: Path, tmp_path: Path) -> None:
    run(pictures, Colours())
    with Corpus(pictures) as corpus:
        source = next(one.source for one in corpus.search("harbour"))
        corpus.remove(source)
    add(pictures, source)
    captioner = Colours()
    assert run(pictures, captioner).known == 4
    assert captioner.asked == []
    with Corpus(pictures) as corpus:
        assert Path(corpus.search("harbour")[0].source).name == "c.png"


def test_a_profile_without_a_captioner_and_a_restricted_view_are_refused(pictures: Path) -> None:
    with Corpus(pictures) as corpus:
        with pytest.raises(ConfigError, match=r"\[captioner\]"):
            corpus.summarising()
        with pytest.raises(CorpusError, match="restricted"):
            corpus.restricted({"modality": "image"}).summarising(captioner=Colours())


def test_an_encoder_of_summaries_is_added_once(pictures: Path) -> None:
    run(pictures, Colours())
    settings = (pictures / "corpus.toml").read_text()
    assert settings.count('view = "summary"') == 1
    assert settings.endswith('[encoders.summaries]\nuse = "retrievers/encoders/hash"\nview = "summary"\n')
    run(pictures, Colours())
    assert (pictures / "corpus.toml").read_text() == settings


def test_sizes_as_in_the_paper(hashed: Path, tmp_path: Path) -> None:
    """More than 50 pixels on the shorter side, and more than 1024 bytes."""
    (tmp_path / "narrow.png").write_bytes(noisy("red", 50, 51))
    (tmp_path / "fits.png").write_bytes(noisy("red", 51, 51))
    (tmp_path / "plain.png").write_bytes(plain("red"))  # large, and nothing on it
    for name in ("narrow", "fits", "plain"):
        add(hashed, tmp_path / f"{name}.png")
    size = (tmp_path / "fits.png").stat().st_size
    assert size > 1024 > (tmp_path / "plain.png").stat().st_size
    told = run(hashed, Colours())
    assert (told.pictures, told.small) == (1, 2)
    with Corpus(hashed) as corpus:
        stored = next(one for one in corpus.store.catalog.chunks(corpus.store.catalog.live_ids()[0][1:]).values())
        assert stored.media is not None
    for least, small in [(size - 1, 0), (size, 1)]:
        assert run(hashed, Colours(), roles=("photo",), least_side=50, least_bytes=least).small == 2 + small


def test_the_command(pictures: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.generators.endpoint import says, serving

    with serving() as api:
        monkeypatch.setenv("OPENAI_BASE_URL", api.url)
        monkeypatch.setenv("OPENAI_MODEL", "m")
        api.script = [says("A lighthouse at dusk.")] * 9
        assert main(["summarise", "--corpus", str(pictures), "--dry-run", "--json"]) == 0
        assert api.bodies == []
        assert json.loads(capsys.readouterr().out)["calls"] == 4
        assert main(["summarise", "--corpus", str(pictures), "--max-calls", "1", "--kinds", "photo"]) == 0
        assert "called for 1; 2 left for the next run" in capsys.readouterr().out
        assert len(api.bodies) == 1
        sent = json.dumps(api.bodies[0])
        assert "data:image/png;base64" in sent
        assert "retrieval" in sent
    assert main(["search", "lighthouse", "--corpus", str(pictures)]) == 0
    assert "described by a model: A lighthouse at dusk." in capsys.readouterr().out
    assert main(["summarise", "--corpus", str(pictures), "--kinds", "sound"]) == 2
