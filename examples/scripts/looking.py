"""What the examples that look share: a corpus with one more encoder, and tiny checkpoints in place of real ones.

A tiny checkpoint has random weights: it shows that a pipeline runs, and what it finds means nothing. It is
built as the tests build theirs, so it needs a checkout of the repository (and the extra `vision`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Literal

import rag
from rag.errors import RagError, SourceError

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "corpus"
PAGES = """
[encoders.looks]
use = "retrievers/encoders/{encoder}"
model = "{model}"
dpi = {dpi}
"""
BY_PAGES = """
[retriever]
use = "retrievers/dense"
encoder = "@looks"
index = "@looks.vectors"
"""


def corpus(folder: Path, encoders: str, profile: str) -> rag.Corpus:
    """A corpus in a new folder: the shipped settings with `encoders` beside, and `profile` to ask with."""
    settings = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8")
    (folder / "corpus").mkdir(parents=True)
    (folder / "corpus" / "corpus.toml").write_text(settings + encoders, encoding="utf-8")
    (folder / "profile.toml").write_text(profile, encoding="utf-8")
    return rag.Corpus(folder / "corpus", profile=folder / "profile.toml")


def add(corpus: rag.Corpus, sources: Path) -> None:
    """Ingest them; SourceError for the first that could not be taken."""
    if failed := corpus.add(sources).failed:
        problem = failed[0].error
        raise SourceError(problem.message if problem else "it could not be read", source=failed[0].source)


def told(main: Callable[[], None]) -> None:
    """Run a script; what is wrong with a file, a model or a setting is said without a traceback."""
    try:
        main()
    except RagError as error:
        sys.exit(str(error))


def tiny(folder: Path, kind: Literal["idefics3", "llava", "colqwen2"]) -> str:
    """A checkpoint of a few hundred kilobytes with random weights, in a folder of its own."""
    sys.path.insert(0, str(ROOT))
    from tests.golden.checkpoints import made
    from tests.golden.late_checkpoints import late

    print(f"no --model: a tiny {kind} with random weights, so what is found means nothing")
    return str(late(folder / kind, "colqwen2") if kind == "colqwen2" else made(folder / kind, kind))
