"""A corpus folder, opened: also a hostile one."""

from __future__ import annotations

import gc
import warnings
from pathlib import Path
from typing import Any

import pytest

from rag import registry
from rag.errors import ConfigError, CorpusError, SourceError
from rag.filters import Eq
from rag.identity import digest
from rag.store.store import Store
from rag.words import WordCounter
from tests.rag import components
from tests.rag.plugins import installed
from tests.rag.store.small import Doc, filled, ingested, piece

CHUNKER = '[chunker]\nuse = "loaders/chunking/structure"\n'
LOADERS = '[loaders.text]\nuse = "loaders/text"\n'
TEXT = '[indexes.text]\nuse = "retrievers/indexes/tantivy"\n'
VECTORS = '[indexes.vectors]\nuse = "retrievers/indexes/exact"\n'
ENCODER = '[encoders.minilm]\nuse = "retrievers/encoders/minilm"\n'
PLAIN = CHUNKER + LOADERS + TEXT + VECTORS


def corpus(folder: Path, settings: str, *docs: Doc) -> Path:
    filled(folder / "catalog.sqlite", *docs)
    (folder / "corpus.toml").write_text(settings, encoding="utf-8")
    return folder


def refused(folder: Path, settings: str) -> str:
    corpus(folder, settings)
    before = sorted(folder.parent.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        Store(folder)
    assert str(folder / "corpus.toml") in str(caught.value)
    after = [path for path in sorted(folder.parent.rglob("*")) if not path.name.startswith("catalog.sqlite")]
    assert after == [path for path in before if not path.name.startswith("catalog.sqlite")], "nothing was made"
    return str(caught.value)


# --- opening -----------------------------------------------------------------------------------------


def test_there_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no corpus; make one with: rag add"):
        Store(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_a_new_corpus(tmp_path: Path) -> None:
    store = Store(tmp_path / "a" / "corpus", create=True)
    assert store.catalog.counts()["documents"] == 0
    assert {"text", "vectors"} <= set(store.settings["indexes"])
    assert (tmp_path / "a" / "corpus" / "corpus.toml").exists()
    created = store.catalog.meta("created")
    store.close()
    again = Store(tmp_path / "a" / "corpus", create=True)
    assert again.catalog.meta("created") == created is not None
    again.close()


def test_the_settings_of_the_user_are_kept(tmp_path: Path) -> None:
    (tmp_path / "corpus.toml").write_text(PLAIN)
    store = Store(tmp_path, create=True)
    assert store.encoders == store.vectors == {}
    assert isinstance(store.counter, WordCounter)
    assert store.counter_table is None
    assert (tmp_path / "corpus.toml").read_text() == PLAIN
    store.close()


def test_a_corpus_without_vectors_needs_no_index_for_them(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, CHUNKER + TEXT))
    assert store.vectors == {}
    store.close()


def test_an_encoder_counts_tokens_and_has_an_index_of_its_own(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, PLAIN + ENCODER + "max_tokens = 128\n"))
    assert store.counter is store.encoders["minilm"].counter
    assert store.counter_table == {"use": "retrievers/encoders/minilm", "max_tokens": 128}
    assert [sink.name for sink in store.sinks()] == ["text", "pages", "minilm"]
    folder = Path(store.vectors["minilm"].folder)  # type: ignore[attr-defined]
    assert folder.parent == tmp_path / "vectors"
    assert folder.name.startswith("minilm-")
    store.close()


def test_opening_does_not_import_what_is_heavy(tmp_path: Path) -> None:
    import subprocess
    import sys

    corpus(tmp_path, PLAIN + ENCODER)
    code = (
        "import sys\nfrom rag.store.store import Store\nStore(sys.argv[1])\n"
        "heavy = {'numpy', 'openvino', 'tantivy', 'pymupdf', 'lxml', 'PIL', 'tokenizers'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


# --- hostile settings --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (PLAIN + '[generator]\nuse = "generators/quote"\n', "unknown tables: generator"),
        (PLAIN + '[parts.x]\nuse = "loaders/pdf"\n', "unknown tables: parts"),
        (PLAIN + '[retriever]\nuse = "retrievers/dense"\n', "unknown tables: retriever"),
        (PLAIN + '[encoders.x]\nuse = "generators/quote"\n', "must name a component under retrievers/encoders/"),
        (PLAIN + '[encoders.x]\nuse = "pipelines/serve_worker"\n', "got 'pipelines/serve_worker'"),
        (PLAIN + '[encoders.x]\nuse = "retrievers/encoders"\n', "under retrievers/encoders/"),
        (PLAIN + '[encoders.x]\nuse = "retrievers/encoders/../../generators/quote"\n', "unknown component"),
        (PLAIN + '[encoders.x]\nuse = "os.system"\n', "under retrievers/encoders/, got 'os.system'"),
        (PLAIN + "[encoders.x]\nuse = 3\n", "under retrievers/encoders/, got 3"),
        (PLAIN + "[encoders.x]\n", "under retrievers/encoders/, got None"),
        (PLAIN + "[encoders]\nx = 'y'\n", "under retrievers/encoders/, got None"),
        (PLAIN + ENCODER + 'x = {use = "generators/quote"}\n', "encoders.minilm: `use` must name a component under"),
        (PLAIN + ENCODER + 'x = [[{a = {use = "pipelines/ingest"}}]]\n', "got 'pipelines/ingest'"),
        (PLAIN + '[loaders.x]\nuse = "loaders/chunking/structure"\n', "loaders.x: `use` must name a loader"),
        (PLAIN + '[loaders.x]\nuse = "retrievers/dense"\n', "under loaders/"),
        (LOADERS + TEXT + '[chunker]\nuse = "loaders/pdf"\n', "chunker: `use` must name a component"),
        (LOADERS + TEXT, "chunker: `use` must name"),
        ("chunker = 3\n" + LOADERS + TEXT, "chunker must be a table"),
        ("loaders = []\n" + CHUNKER + TEXT, "loaders must be a table"),
        ("encoders = 'x'\n" + PLAIN, "encoders must be a table"),
        ("indexes = 1\n" + CHUNKER, "indexes must be a table"),
        (CHUNKER + LOADERS, "indexes.text needs `use`"),
        (CHUNKER + TEXT + ENCODER, "indexes.vectors needs `use`"),
        (PLAIN + '[indexes.other]\nuse = "retrievers/indexes/exact"\n', "indexes.other: there are `text`"),
        (PLAIN.replace(TEXT, TEXT + 'folder = "/etc"\n'), "indexes.text: folder is filled by Argus"),
        (PLAIN + "dim = 3\n", "indexes.vectors: dim is filled by Argus"),
        (PLAIN + "catalog = 'x'\n", "indexes.vectors: catalog is filled by Argus"),
        (PLAIN.replace(TEXT, TEXT + "heap = 3\n"), "takes no 'heap'; did you mean 'heap_mb'?"),
        (PLAIN.replace(TEXT, TEXT + "heap_mb = 'huge'\n"), "heap_mb must be a whole number, got 'huge'"),
        (PLAIN + ENCODER + "max_tokens = 'x'\nprecision = 'f64'\n", "max_tokens must be a whole number, got 'x'"),
        (PLAIN + ENCODER + "max_tokens = -5\n", "max_tokens must be"),
        (PLAIN + ENCODER + "weights = '/tmp/evil.bin'\n", "takes no 'weights'"),
        (PLAIN + ENCODER + "max_tokens = '@text'\n", "no part named '@text'"),
        (PLAIN + ENCODER.replace("minilm]", '"../../x"]'), "a name is at most 64 letters"),
        (PLAIN + ENCODER.replace("minilm]", '"/tmp/x"]'), "a name is at most 64 letters"),
        (PLAIN + ENCODER.replace("minilm]", '""]'), "a name is at most 64 letters"),
        (PLAIN + ENCODER.replace("minilm]", "pages]"), "encoders.pages: `@pages` is a part that each corpus has"),
        (PLAIN + ENCODER.replace("minilm]", "text]"), "encoders.text: `@text` is a part"),
        (PLAIN + ENCODER.replace("minilm]", '".."]'), "a name is at most 64 letters"),
        (PLAIN + ENCODER.replace("minilm]", '"a\\nb"]'), "a name is at most 64 letters"),
        ("[chunker\n", "not valid TOML"),
    ],
)  # fmt: skip
def test_hostile_settings_are_refused(tmp_path: Path, settings: str, message: str) -> None:
    assert message in refused(tmp_path / "corpus", settings)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    settings = CHUNKER + TEXT + "x = 1\n" + VECTORS + "y = 2\n" + ENCODER + "z = 3\nmax_tokens = 'x'\n"
    told = refused(tmp_path / "corpus", settings)
    for mistake in ("takes no 'x'", "takes no 'y'", "takes no 'z'", "max_tokens must be a whole number"):
        assert mistake in told


def test_nothing_is_built_from_hostile_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {"retrievers/encoders/theirs": "tests.rag.components:Leaf"}
    with installed(monkeypatch, tmp_path / "site", theirs=names):
        components.BUILT.clear()
        theirs = '[encoders.a]\nuse = "retrievers/encoders/theirs"\n[encoders.b]\nuse = "retrievers/encoders/nothing"\n'
        assert "unknown component" in refused(tmp_path / "corpus", PLAIN + theirs)
        assert components.BUILT == []


def test_no_variable_is_expanded_in_a_corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGUS_SECRET", "tell nobody")
    told = refused(tmp_path / "corpus", PLAIN + ENCODER + "precision = '${ARGUS_SECRET}'\n")
    assert "'${ARGUS_SECRET}'" in told
    assert "tell nobody" not in told


def test_no_settings(tmp_path: Path) -> None:
    filled(tmp_path / "catalog.sqlite")
    with pytest.raises(ConfigError, match=r"corpus\.toml: cannot read"):
        Store(tmp_path)


# --- loaders -----------------------------------------------------------------------------------------


def test_the_loader_of_a_type(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, PLAIN))
    assert store.loader("text/plain") == {"use": "loaders/text"}
    assert store.loader("application/pdf") is None
    store.close()


def test_mistakes_in_loaders_and_chunker_are_told_at_once_before_the_first_is_used(tmp_path: Path) -> None:
    settings = CHUNKER + "tarket = 3\n" + LOADERS + "x = 1\n" + '[loaders.b]\nuse = "loaders/pfd"\n' + TEXT
    store = Store(corpus(tmp_path, settings))
    with pytest.raises(ConfigError, match="'tarket'; did you mean 'target'") as caught:
        store.loader("text/plain")
    assert "loaders.text: loaders/text takes no 'x'" in str(caught.value)
    assert "loaders.b: unknown component 'loaders/pfd'" in str(caught.value)
    store.close()


def test_what_is_no_loader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with installed(monkeypatch, tmp_path / "site", theirs={"loaders/leaf": "tests.rag.components:Leaf"}):
        store = Store(corpus(tmp_path / "corpus", PLAIN + '[loaders.x]\nuse = "loaders/leaf"\n'))
        with pytest.raises(ConfigError, match=r"loaders\.x: loaders/leaf is no loader: it has no VERSION"):
            store.loader("text/plain")
        store.close()


def test_a_derivation_follows_from_all_that_chunks_depend_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def derivation(folder: str, settings: str = PLAIN, **loader: Any) -> str:
        store = Store(corpus(tmp_path / folder, settings))
        try:
            return store.derivation({"use": "loaders/text", **loader})
        finally:
            store.close()

    first = derivation("a")
    assert derivation("b") == first, "and from nothing else"
    assert derivation("c", limit=3) != first
    assert derivation("d", PLAIN.replace(CHUNKER, CHUNKER + "target = 99\n")) != first
    assert derivation("e", PLAIN + ENCODER) != first
    monkeypatch.setattr(registry.load("loaders/text"), "VERSION", 99)
    second = derivation("f")
    assert second != first
    monkeypatch.setattr(registry.load("loaders/chunking/structure"), "VERSION", 99)
    assert derivation("g") not in (first, second)


def test_a_type_without_pictures(tmp_path: Path) -> None:
    doc = Doc("a.txt", [piece("a")], media_type="text/plain")
    store = Store(corpus(tmp_path, PLAIN, doc))
    chunk = next(iter(store.catalog.chunks([doc.chunks()[0].id]).values()))
    (tmp_path / "a.txt").write_text("a.txt")
    from dataclasses import replace

    source = replace(chunk.origin.source, path=str(tmp_path / "a.txt"), digest=digest("a.txt"))
    with pytest.raises(SourceError, match="text/plain has no picture to show"):
        store.assets.crop(source, chunk.origin.places[0])
    store.close()


# --- writing -----------------------------------------------------------------------------------------


def test_writing_brings_the_indexes_up_to_date(tmp_path: Path) -> None:
    doc = Doc("a.txt", [piece("rain in march")])
    store = Store(corpus(tmp_path, PLAIN))
    with store.writing() as writer:
        ingested(writer, doc)
        assert len(store.text) == 0
    assert len(store.text) == 1
    assert store.text.generation == store.catalog.sequence() == 1
    store.close()


def test_a_write_that_fails_is_made_good_by_the_next(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, PLAIN))

    def fails() -> None:
        with store.writing() as writer:
            ingested(writer, Doc("a.txt", [piece("rain")]))
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    with store.writing():
        assert len(store.text) == 1
    store.close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    one, other = Store(corpus(tmp_path, PLAIN)), Store(tmp_path)
    with one.writing(), pytest.raises(CorpusError, match="is being written by process"), other.writing():
        pass
    with other.writing():
        pass
    one.close()
    other.close()


def test_a_restricted_view_is_not_written(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, PLAIN, Doc("a", [piece("x")])), restriction=Eq("source", "a"))
    with pytest.raises(CorpusError, match="a restricted view cannot be written"), store.writing():
        pass
    assert store.catalog.counts()["chunks"] == 1
    store.close()


def test_another_encoder_than_the_one_that_made_the_vectors(tmp_path: Path) -> None:
    store = Store(corpus(tmp_path, PLAIN + ENCODER))
    store.check_encoders()
    with store.writing() as writer:
        writer.set_meta("encoder:minilm", "another, of old")
    with pytest.raises(CorpusError, match=r"made by another, of old, but the encoder configured now is .*rag reindex"):
        store.check_encoders()
    store.close()


def test_nothing_is_left_open(tmp_path: Path) -> None:
    def open_files() -> list[str]:
        return [str(path.resolve()) for path in Path("/proc/self/fd").iterdir() if str(tmp_path) in str(path.resolve())]

    corpus(tmp_path / "good", PLAIN, Doc("a", [piece("x")]))
    corpus(tmp_path / "bad", PLAIN + ENCODER + "x = 1\n")
    (tmp_path / "newer").mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        store = Store(tmp_path / "good")
        with store.writing():
            pass
        store.close()
        with pytest.raises(ConfigError) as caught:  # which holds what the constructor held
            Store(tmp_path / "bad")
        (tmp_path / "newer" / "catalog.sqlite").write_bytes(b"no database" * 500)
        (tmp_path / "newer" / "corpus.toml").write_text(PLAIN)
        with pytest.raises(CorpusError):
            Store(tmp_path / "newer")
        gc.collect()
    assert caught.value.__traceback__ is not None
    assert [path for path in open_files() if "catalog" in path or "lock" in path] == []
