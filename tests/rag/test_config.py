"""TOML to components."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.config import Builder, read
from rag.errors import ConfigError, UnknownComponent
from tests.rag import components
from tests.rag.components import Asking, Leaf, Tree
from tests.rag.plugins import installed

HERE = "tests.rag.components"


@pytest.fixture(autouse=True)
def _theirs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    names = {"x/leaf": "Leaf", "x/tree": "Tree", "x/asking": "Asking", "x/function": "function"}
    with installed(monkeypatch, tmp_path, theirs={name: f"{HERE}:{kind}" for name, kind in names.items()}):
        components.BUILT.clear()
        yield


def leaf(**arguments: Any) -> dict[str, Any]:
    return {"use": "x/leaf", **arguments}


def refused(table: Any, **given: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Builder(path="my.toml", **given).build(table, "top")
    assert components.BUILT == [], "mistakes are told before anything is built"
    assert str(caught.value).startswith("my.toml: ")
    return str(caught.value)


def test_a_table_is_a_component() -> None:
    built = Builder().build(leaf(size=5, weight=2, tags=["a", "b"], known=["c"], mode="b", limit=7))
    assert built == Leaf(size=5, weight=2, tags=("a", "b"), known=frozenset("c"), mode="b", limit=7)
    assert hash(built) == hash(built), "lists became tuples where the component is frozen"
    assert Builder().build({"use": "x/function", "size": 2}) == ("made", 2)


def test_nested_tables_and_maps_and_lists_of_components() -> None:
    table = {
        "use": "x/tree",
        "first": leaf(name="first"),
        "many": {"dense": leaf(name="dense"), "lexical": leaf(name="lexical"), "plain": 3},
        "row": [leaf(name="row"), "text"],
    }
    built = Builder().build(table)
    assert built == Tree(
        Leaf(name="first"),
        {"dense": Leaf(name="dense"), "lexical": Leaf(name="lexical"), "plain": 3},
        (Leaf(name="row"), "text"),
    )


def test_all_mistakes_are_told_at_once() -> None:
    told = refused(
        {
            "use": "x/tree",
            "frist": 1,
            "many": {
                "a": leaf(size="big", weight="heavy", name=3, fast="yes", mode="c", tags="t", limit="none"),
                "b": leaf(sizes=1, size=True, weight=False),
                "c": {"use": "x/laef"},
                "d": [leaf(wieght=1), "@nothing"],
            },
            "row": ["@sharde"],
        },
        parts={"shared": leaf()},
    )
    for mistake in (
        "top: x/tree takes no 'frist'; did you mean 'first'?",
        "top: x/tree needs 'first'",
        "top.many.a: size must be a whole number, got 'big'",
        "top.many.a: weight must be a number, got 'heavy'",
        "top.many.a: name must be text, got 3",
        "top.many.a: fast must be true or false, got 'yes'",
        "top.many.a: mode must be one of 'a', 'b', got 'c'",
        "top.many.a: tags must be a list, got 't'",
        "top.many.a: limit must be a whole number, got 'none'",
        "top.many.b: x/leaf takes no 'sizes'; did you mean 'size'?",
        "top.many.b: size must be a whole number, got True",
        "top.many.b: weight must be a number, got False",
        "top.many.c: unknown component 'x/laef'; known: x/leaf",
        "top.many.d[0]: x/leaf takes no 'wieght'; did you mean 'weight'?",
        "top.many.d[1]: no part named '@nothing'",
        "top.row[0]: no part named '@sharde'; did you mean 'shared'?",
    ):
        assert mistake in told, mistake


def test_a_table_where_a_plain_value_belongs() -> None:
    assert "size must be a whole number" in refused(leaf(size=leaf()))
    assert "name must be text" in refused(leaf(name={"a": 1}))


def test_types_are_judged_although_one_is_known_to_checkers_alone() -> None:
    assert "size must be a whole number" in refused(leaf(size="x", only_typed=3))


@pytest.mark.parametrize("table", [3, "x/leaf", [], {}, {"size": 3}, None])
def test_no_component_without_use(table: Any) -> None:
    assert "top needs a table with `use`" in refused(table)


@pytest.mark.parametrize("use", [3, None, ["x/leaf"], {}, "", "os.system", "x"])
def test_use_names_a_component(use: Any) -> None:
    assert "unknown component" in refused({"use": use})


def test_what_the_constructor_refuses_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match=r"my\.toml: x/leaf: size must not be negative, got -1"):
        Builder(path="my.toml").build(leaf(size=-1))


def test_services_are_filled_in() -> None:
    catalog, assets = object(), object()
    built = Builder({"catalog": catalog, "assets": assets}).build({"use": "x/asking"})
    assert built._catalog is catalog
    assert built.assets is assets


def test_a_service_that_is_not_there() -> None:
    assert "x/asking needs 'catalog'" in refused({"use": "x/asking"})


@pytest.mark.parametrize("value", ["/etc", 3, ["a"], True])
def test_services_are_not_configured(value: Any) -> None:
    told = refused({"use": "x/asking", "catalog": value}, services={"catalog": object()})
    assert "top: catalog is filled by Argus" in told


def test_a_service_may_be_a_part_by_name() -> None:
    other = object()
    built = Builder({"catalog": object()}, {"mine": other}).build({"use": "x/asking", "catalog": "@mine"})
    assert built._catalog is other


def test_parts_are_built_once_and_shared() -> None:
    ready = object()
    table = {"use": "x/tree", "first": "@shared", "many": {"a": "@shared", "b": "@outer", "c": "@ready"}}
    parts = {"shared": leaf(name="shared"), "outer": {"use": "x/tree", "first": "@shared"}, "ready": ready}
    built = Builder({}, parts).build(table)
    assert built.first is built.many["a"] is built.many["b"].first
    assert built.many["c"] is ready
    assert components.BUILT == ["leaf shared", "tree", "tree"]


def test_mistakes_in_parts_are_told_with_the_others_and_once() -> None:
    parts = {
        "bad": leaf(sise=1),
        "worse": {"use": "x/tree", "first": "@bad", "many": {"a": "@gone"}},
        "unused": leaf(z=1),
    }
    told = refused({"use": "x/tree", "first": "@bad", "row": ["@worse", "@bad"], "colour": 1}, parts=parts)
    assert told.count("parts.bad: x/leaf takes no 'sise'; did you mean 'size'?") == 1
    assert "parts.worse.many.a: no part named '@gone'" in told
    assert "top: x/tree takes no 'colour'" in told
    assert "unused" not in told


@pytest.mark.parametrize(
    ("parts", "ring"),
    [
        ({"a": {"use": "x/tree", "first": "@a"}}, "@a -> @a"),
        ({"a": {"use": "x/tree", "first": "@b"}, "b": {"use": "x/tree", "first": "@a"}}, "@a -> @b -> @a"),
        (
            {
                "a": {"use": "x/tree", "first": "@b"},
                "b": {"use": "x/tree", "first": leaf(), "many": {"x": ["@c"]}},
                "c": {"use": "x/tree", "first": "@b"},
            },
            "@b -> @c -> @b",
        ),
    ],
)
def test_parts_in_a_ring_are_refused(parts: dict[str, Any], ring: str) -> None:
    assert f"parts name each other in a ring: {ring}" in refused({"use": "x/tree", "first": "@a"}, parts=parts)


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["@a", "@b", "x/leaf", "x/tree"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["use", "first", "size", "many", "catalog", "x"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_any_table_is_built_or_refused(table: Any) -> None:
    try:
        built = Builder({}, {"a": table, "b": leaf()}).build(table)
    except ConfigError:
        return
    assert isinstance(built, (Leaf, Tree, Asking))


def test_reading_a_file(tmp_path: Path) -> None:
    (tmp_path / "good.toml").write_text("[a]\nb = 1\n")
    assert read(tmp_path / "good.toml") == {"a": {"b": 1}}
    (tmp_path / "bad.toml").write_text("[a]\nb = \n")
    with pytest.raises(ConfigError, match=r"bad\.toml: not valid TOML: .*line 2"):
        read(tmp_path / "bad.toml")
    (tmp_path / "bytes.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match=r"bytes\.toml: not valid TOML"):
        read(tmp_path / "bytes.toml")
    (tmp_path / "deep.toml").write_text("a = " + "[" * 50_000)
    with pytest.raises(ConfigError, match=r"deep\.toml: not valid TOML"):
        read(tmp_path / "deep.toml")
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="cannot read"):
            read(path)


def test_an_unknown_component_is_a_config_error_with_its_file() -> None:
    error = UnknownComponent("x/laef", ["x/leaf", "y/other"], path="my.toml")
    assert str(error) == "my.toml: unknown component 'x/laef'; known: x/leaf"
    assert (error.path, error.key, error.known) == ("my.toml", "x/laef", ("x/leaf", "y/other"))
