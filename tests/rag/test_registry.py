"""Names to classes."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path

import pytest

from rag import registry
from rag.errors import ConfigError, UnknownComponent
from tests.rag.plugins import installed

HERE = "tests.rag.components"


@pytest.mark.parametrize("name", registry.names())
def test_every_name_is_a_class_or_function_with_a_docstring_near_it(name: str) -> None:
    component = registry.load(name)
    assert callable(component)
    room, _, rest = name.partition("/")
    module = inspect.getmodule(component)
    assert module is not None
    assert module.__name__.startswith("rag.")
    assert rest in import_module(f"rag.{room}").COMPONENTS


def test_names_under_a_prefix() -> None:
    encoders = registry.names("retrievers/encoders")
    assert "retrievers/encoders/minilm" in encoders
    assert all(name.startswith("retrievers/encoders/") for name in encoders)
    assert registry.names("retrievers/enc") == []
    assert registry.names("loaders/pdf") == ["loaders/pdf"]
    assert registry.names() == sorted(registry.names())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("loaders/pfd", "loaders/pdf"),
        ("retriever/dense", "retrievers/dense"),
        ("retrievers/encoders/minlm", "retrievers/encoders/minilm"),
    ],
)
def test_an_unknown_name_lists_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownComponent) as caught:
        registry.load(name)
    assert near in str(caught.value)
    assert near in caught.value.known
    assert caught.value.name == name


def test_a_name_like_no_other_lists_them_all() -> None:
    with pytest.raises(UnknownComponent) as caught:
        registry.load("§")
    assert all(name in str(caught.value) for name in registry.names())


@pytest.mark.parametrize("name", ["", "os/system", "loaders", "loaders/", "loaders/../rag", "pdf", "loaders.pdf"])
def test_nothing_but_components_is_loaded(name: str) -> None:
    with pytest.raises(UnknownComponent):
        registry.load(name)


def test_a_package_brings_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with installed(monkeypatch, tmp_path, theirs={"loaders/leaf": f"{HERE}:Leaf", "loaders/made": f"{HERE}:function"}):
        assert {"loaders/leaf", "loaders/made"} < set(registry.names("loaders"))
        assert registry.load("loaders/leaf").__module__ == HERE
        assert registry.load("loaders/made")(size=2) == ("made", 2)
    with pytest.raises(UnknownComponent):
        registry.load("loaders/leaf")


def test_two_packages_with_one_name_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = {"loaders/leaf": f"{HERE}:Leaf"}
    with (
        installed(monkeypatch, tmp_path, ours=both, theirs=both),
        pytest.raises(ConfigError, match="'loaders/leaf' is offered by both") as caught,
    ):
        registry.names()
    assert "ours" in str(caught.value)
    assert "theirs" in str(caught.value)


def test_a_package_does_not_replace_what_is_built_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with installed(monkeypatch, tmp_path, theirs={"loaders/pdf": f"{HERE}:Leaf"}):
        with pytest.raises(ConfigError, match="'loaders/pdf' is offered by both argus-rag and theirs"):
            registry.names()
        assert registry.load("loaders/pdf").__module__ == "rag.loaders.pdf.loader"
