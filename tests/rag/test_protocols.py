"""What is built in fits the protocols that others are asked to fit."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from rag import protocols, registry
from rag.protocols import Assets, Catalog, Lexicon, Renders, Streams
from rag.store.assets import FolderAssets
from rag.store.catalog import Catalog as StoredCatalog
from tests.golden.catalogs import MemoryCatalog
from tests.rag.store.small import filled

PROTOCOLS = [
    one for one in vars(protocols).values() if inspect.isclass(one) and one.__module__ == protocols.__name__
    and getattr(one, "_is_protocol", False)
]  # fmt: skip


def test_services_fit(tmp_path: Path) -> None:
    stored = StoredCatalog(filled(tmp_path / "catalog.sqlite"))
    assert isinstance(stored, Catalog)
    assert isinstance(MemoryCatalog(), Catalog), "the one that the tests of retrievers use"
    assert isinstance(FolderAssets(tmp_path), Assets)
    assert isinstance(registry.load("retrievers/indexes/tantivy")(tmp_path), Lexicon)
    assert not isinstance(object(), Catalog)
    stored.close()


def names(protocol: type) -> set[str]:
    public = {name for kind in protocol.__mro__[:-1] for name in (*vars(kind), *getattr(kind, "__annotations__", {}))}
    return {name for name in public if not name.startswith("_")}


@pytest.mark.parametrize(
    ("protocol", "prefix"),
    [
        (protocols.Chunker, "loaders/chunking"),
        (protocols.Encoder, "retrievers/encoders"),
        (protocols.Derived, "retrievers/indexes"),
        (protocols.Selector, "retrievers/selectors"),
        (protocols.Generator, "generators"),
        (protocols.Captioner, "generators/captioners"),
        (protocols.Recogniser, "loaders/ocr"),
    ],
)
def test_components_have_what_their_kind_asks(protocol: type, prefix: str) -> None:
    found = [name for name in registry.names(prefix) if name.rpartition("/")[0] == prefix]
    assert found
    for name in found:
        component = registry.load(name)
        source = inspect.getsource(component)
        missing = {one for one in names(protocol) if not hasattr(component, one) and f"self.{one}" not in source}
        assert missing == set(), name


def test_loaders_say_what_they_take() -> None:
    taken: dict[str, str] = {}
    for name in registry.names("loaders"):
        if name.count("/") > 1:
            continue
        loader = registry.load(name)
        assert isinstance(loader.VERSION, int)
        for kind in loader.media_types if name != "loaders/attachments" else ():  # it takes what lies in PDFs
            assert taken.setdefault(kind, name) == name, f"two loaders take {kind}"
    assert {"application/pdf", "text/html", "image/png", "text/plain"} <= set(taken)


def test_capabilities_are_told_apart() -> None:
    class Still:
        def generate(self) -> None: ...

    class Flowing(Still):
        def stream(self) -> None: ...

    assert isinstance(Flowing(), Streams)
    assert not isinstance(Still(), Streams)
    assert isinstance(registry.load("loaders/image")(), Renders)
    assert not isinstance(registry.load("loaders/text")(), Renders)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_says_what_it_is(protocol: type) -> None:
    assert len(PROTOCOLS) >= 20
    assert inspect.getdoc(protocol)
    assert protocol.__doc__ != "Protocol"
