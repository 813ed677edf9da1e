"""Argus: retrieval-augmented generation whose answers show their evidence.

import rag

corpus = rag.Corpus("folder")
corpus.add("reports/")
print(corpus.ask("What did revenue do in 2021?"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.answer import Answer, Citation, Claim, Evidence, Hit, Query, Refusal, Selection, Settings
    from rag.corpus import Corpus
    from rag.document import Box, CellRange, CharSpan, Chunk, Element, MarkupPath, Media, PageRegion, Source, TimeSpan
    from rag.errors import (
        ConfigError,
        CorpusError,
        GenerationError,
        MissingExtra,
        RagError,
        SourceError,
        UnknownComponent,
    )

__version__ = "0.1.0"

__all__ = [
    "Answer",
    "Box",
    "CellRange",
    "CharSpan",
    "Chunk",
    "Citation",
    "Claim",
    "ConfigError",
    "Corpus",
    "CorpusError",
    "Element",
    "Evidence",
    "GenerationError",
    "Hit",
    "MarkupPath",
    "Media",
    "MissingExtra",
    "PageRegion",
    "Query",
    "RagError",
    "Refusal",
    "Selection",
    "Settings",
    "Source",
    "SourceError",
    "TimeSpan",
    "UnknownComponent",
]

_HOME = {
    "rag.answer": ("Answer", "Citation", "Claim", "Evidence", "Hit", "Query", "Refusal", "Selection", "Settings"),
    "rag.corpus": ("Corpus",),
    "rag.document": (
        "Box", "CellRange", "CharSpan", "Chunk", "Element", "MarkupPath", "Media", "PageRegion", "Source", "TimeSpan",
    ),
    "rag.errors": (
        "ConfigError", "CorpusError", "GenerationError", "MissingExtra", "RagError", "SourceError", "UnknownComponent",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """The public names, each loaded when it is first asked for: `import rag` costs next to nothing."""
    for module, names in _HOME.items():
        if name in names:
            from rag.registry import attribute

            return attribute(module, name)
    raise AttributeError(f"module 'rag' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
