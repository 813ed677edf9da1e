"""What can go wrong, in words."""

from __future__ import annotations

import pytest

from rag.errors import (
    ConfigError,
    CorpusError,
    GenerationError,
    MissingExtra,
    RagError,
    SourceError,
    UnknownComponent,
)


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("x"),
        UnknownComponent("x", []),
        MissingExtra("torch", "vision"),
        SourceError("x", source="a.pdf"),
        CorpusError("x"),
        GenerationError("x", model="m"),
    ],
)
def test_one_tree(error: Exception) -> None:
    assert isinstance(error, RagError)
    assert not isinstance(error, ValueError), "bad arguments of a call are another thing"


def test_a_source_error_says_where() -> None:
    error = SourceError("is encrypted", source="in/a.pdf", kind="encrypted", place="page 7")
    assert str(error) == "in/a.pdf, page 7: is encrypted"
    assert (error.message, error.source, error.kind, error.place) == ("is encrypted", "in/a.pdf", "encrypted", "page 7")
    assert str(SourceError("is empty", source="a.pdf")) == "a.pdf: is empty"


def test_a_config_error_names_its_file() -> None:
    assert str(ConfigError("no such key", path="my.toml", key="k")) == "my.toml: no such key"
    assert str(ConfigError("no such key")) == "no such key"
    assert isinstance(UnknownComponent("x", ["y"]), ConfigError)


def test_an_unknown_component_lists_near_names_or_all() -> None:
    assert (
        str(UnknownComponent("loaders/pfd", ["loaders/pdf", "x"]))
        == "unknown component 'loaders/pfd'; known: loaders/pdf"
    )
    assert str(UnknownComponent("?", ["b", "a"])) == "unknown component '?'; known: a, b"


def test_a_missing_extra_is_an_import_error_with_the_line_that_helps() -> None:
    error = MissingExtra("torch", "vision")
    assert isinstance(error, ImportError)
    assert str(error) == "torch is not installed; install it with: pip install 'argus-rag[vision]'"
    assert str(MissingExtra("lxml", "")).endswith("pip install 'argus-rag'")


def test_a_generation_error_may_be_tried_again() -> None:
    error = GenerationError("timed out", model="m", attempt=2, retry=True)
    assert str(error) == "m: timed out"
    assert (error.attempt, error.retry) == (2, True)
