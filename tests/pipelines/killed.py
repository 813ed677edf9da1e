"""Run as a script: one ingest that ends itself by SIGKILL at a given journal step.

    python -m tests.pipelines.killed CORPUS FOLDER STEP [--sync]

STEP counts all steps from 1; 0 lets the run end, and prints the names of its steps as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys

from rag.pipelines import ingest

from rag import registry
from rag.corpus import Corpus
from rag.store import writer
from tests.golden.encoders import HashEncoder


class _Point:
    """An entry point, as an installed package would bring it."""

    dist = None
    value = "tests"

    def load(self) -> type[HashEncoder]:
        return HashEncoder


SETTINGS = """
[chunker]
use = "loaders/chunking/structure"
[loaders.pdf]
use = "loaders/pdf"
part_pages = 2
[loaders.text]
use = "loaders/text"
[loaders.html]
use = "loaders/html"
[encoders.hash]
use = "retrievers/encoders/hash"
[indexes.vectors]
use = "retrievers/indexes/exact"
[indexes.text]
use = "retrievers/indexes/tantivy"
"""


def with_hash_encoder() -> None:
    """Let settings name the test encoder."""
    points = {"retrievers/encoders/hash": _Point()}
    registry._plugins = lambda: points  # type: ignore[assignment]


def main(corpus: str, folder: str, step: int, sync: bool) -> None:
    with_hash_encoder()
    os.makedirs(corpus, exist_ok=True)
    settings = os.path.join(corpus, "corpus.toml")
    if not os.path.exists(settings):
        with open(settings, "w", encoding="utf-8") as file:
            file.write(SETTINGS)
    seen: list[str] = []

    def stop_here(name: str) -> None:
        seen.append(name)
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    writer.on_step = stop_here
    # By the clock, indexes are brought up to date on the way as well: on a slow machine there would be other steps.
    ingest.REPLAY_SECONDS = float("inf")
    Corpus(corpus).add(folder, sync=sync, yes=True, refresh=True, workers=0)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), "--sync" in sys.argv)
