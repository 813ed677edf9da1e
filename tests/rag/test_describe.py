"""A pipeline as a printed tree."""

from __future__ import annotations

from pathlib import Path

from rag import registry
from rag.answer import Settings
from rag.describe import component_name, describe
from tests.golden.catalogs import MemoryCatalog
from tests.rag.components import Asking, Leaf, Tree, function


def test_a_tree_of_frozen_dataclasses() -> None:
    tree = Tree(Leaf(size=5), {"dense": Leaf(name="dense"), "lexical": Leaf(name="lexical")}, ())
    shown = "(size={}, weight=1.0, name='{}', fast=False, mode='a', tags=(), known=frozenset())"
    assert describe(tree, "top").splitlines() == [
        "top: tests.rag.components.Tree (row=())",
        f"  first: tests.rag.components.Leaf {shown.format(5, 'leaf')}",
        "  many:",
        f"    dense: tests.rag.components.Leaf {shown.format(3, 'dense')}",
        f"    lexical: tests.rag.components.Leaf {shown.format(3, 'lexical')}",
    ]


def test_components_in_lists() -> None:
    lines = describe(Tree(Leaf(), {}, (Leaf(name="row"), 3))).splitlines()
    assert lines[0] == "tests.rag.components.Tree (many={})"
    assert lines[2] == "  row:"
    assert lines[3].startswith("    1: tests.rag.components.Leaf (size=3, weight=1.0, name='row'")
    assert lines[4] == "    2: 3"


def test_a_plain_class_tells_its_arguments_but_no_services_and_no_secrets() -> None:
    asking = Asking(object(), assets=object(), folder=Path("some/where"), api_key="sk-very-secret")
    assert describe(asking) == "tests.rag.components.Asking (folder='some/where', api_key='...')"
    assert "secret" not in describe(Tree(Leaf(), {"inner": asking}))


def test_values_that_are_no_components() -> None:
    assert describe(3, "k") == "k: 3"
    assert describe(Path("a/b")) == "'a/b'"
    assert describe(function) == "tests.rag.components.function", "no address in memory: two runs print the same"
    assert describe(Leaf) == repr(Leaf)
    assert describe([1, "a"], "row").splitlines() == ["row:", "  1: 1", "  2: 'a'"]


def test_names_of_components() -> None:
    lexical = registry.load("retrievers/lexical")(None, MemoryCatalog())
    assert component_name(lexical) == "retrievers/lexical"
    assert component_name(Settings()) == "answer"
    assert describe(lexical, "retriever") == "retriever: retrievers/lexical (stopwords=True)"


def test_what_was_written_in_c_is_told_as_it_is() -> None:
    from datetime import date

    assert describe(date(2021, 5, 1), "since") == "since: datetime.date(2021, 5, 1)"
