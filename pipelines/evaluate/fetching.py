"""The documents that questions name, brought into the corpus from a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .documents import Documents, Target
from .questions import Fault, Question
from .running import targets

if TYPE_CHECKING:
    from rag.corpus import Corpus


def wanted(corpus: Corpus, questions: Iterable[Question], root: Path, file: str) -> tuple[list[str], list[Fault]]:
    """Files under `root` that questions name and the corpus lacks; a fault where none or several are meant."""
    if not root.is_dir():
        raise ValueError(f"--root: {root} is not a folder")
    known = targets(corpus) if (corpus.folder / "catalog.sqlite").exists() else Documents(())
    there = Documents((Target(path, path) for path in _files(root)), place=str(root))
    paths: dict[str, None] = {}
    faults: list[Fault] = []
    for one in questions:
        if one.doc and one.doc not in known:
            try:
                paths[there.find(one.doc).uri] = None
            except ValueError as error:
                faults.append(Fault(file, one.line, str(error)))
    return list(paths), faults


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (os.path.join(folder, name) for name in sorted(names) if not name.startswith("."))


def ingested(corpus: Corpus, paths: list[str], **options: Any) -> Iterator[Any]:
    """Ingest files, an outcome each as it comes."""
    yield from corpus.adding(**options).outcomes(paths)
