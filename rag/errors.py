"""What can go wrong.

    RagError
      ConfigError            a file or table of settings: path, key, nearest known key
        UnknownComponent     name, and the known names of that kind
      MissingExtra           (also ImportError) a library that an extra brings
      SourceError            an input: source, place
      CorpusError            the corpus on disk
      GenerationError        a model: model, attempt, may it be retried

Each message says what was given, what was expected, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class RagError(Exception):
    """Any error that Argus raises on purpose."""


class ConfigError(RagError):
    """A setting is unknown, missing, or of the wrong type."""

    def __init__(self, message: str, *, path: str = "", key: str = "") -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.key = key


class UnknownComponent(ConfigError):
    """No component of that name; `known` are those there are."""

    def __init__(self, name: str, known: Iterable[str], *, path: str = "") -> None:
        self.name = name
        self.known = tuple(sorted(known))
        near = get_close_matches(name, self.known, 3) or self.known
        super().__init__(f"unknown component {name!r}; known: {', '.join(near)}", path=path, key=name)


class MissingExtra(RagError, ImportError):
    """A library is needed that is not installed; `extra` is "" where the plain install brings it."""

    def __init__(self, module: str, extra: str) -> None:
        self.module = module
        self.extra = extra
        wanted = f"argus-rag[{extra}]" if extra else "argus-rag"
        super().__init__(f"{module} is not installed; install it with: pip install '{wanted}'")


class SourceError(RagError):
    """An input that cannot be taken: unreadable, encrypted, unsupported, over a limit, refused.

    `kind` is a short stable word for programs: unreadable, damaged, encrypted, unsupported, empty,
    limit, missing, changed, refused, crashed.
    """

    def __init__(self, message: str, *, source: str, kind: str = "unreadable", place: str = "") -> None:
        super().__init__(f"{source}{f', {place}' if place else ''}: {message}")
        self.message = message
        self.source = source
        self.kind = kind
        self.place = place


class CorpusError(RagError):
    """The corpus is locked, damaged, of a newer schema, or built by another encoder."""


class GenerationError(RagError):
    """A model failed to answer."""

    def __init__(self, message: str, *, model: str, attempt: int = 1, retry: bool = False) -> None:
        super().__init__(f"{model}: {message}")
        self.model = model
        self.attempt = attempt
        self.retry = retry
