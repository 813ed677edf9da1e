"""Checking, repairing, rebuilding and sweeping a corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path

from rag import registry
from rag.errors import ConfigError, CorpusError
from rag.filters import And
from rag.identity import file_digest
from rag.protocols import ProgressCallback
from rag.store.derived import rebuild_all, untold
from rag.store.files import write_atomically
from rag.store.store import Store

from .encode import Encoding, complete_mark, encode_missing
from .toml import written


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that does not hold together, what mends it, and whether that was done."""

    what: str
    remedy: str
    repaired: bool = False


def check(store: Store, *, repair: bool = False) -> list[Trouble]:
    """Everything that is wrong with a corpus; with `repair`, mended where that is possible."""
    store.catalog.verify()
    found = [*_derived(store), *_unfinished(store), *_pictures(store), *_linked(store)]
    mendable = [one for one in found if one.remedy == "rag check --repair"]
    if not repair or not mendable:
        return found
    with store.writing(timeout=10):
        rebuild_all(store.catalog_path, store.sinks())
    left = list(_derived(store))
    return [replace(one, repaired=True) if one in mendable and one not in left else one for one in found]


def _derived(store: Store) -> Iterator[Trouble]:
    newest = store.catalog.sequence()
    expected = {"text": store.catalog.textual(), "pages": store.catalog.worded_pages()}
    for name, encoder in store.encoders.items():
        expected[name] = store.catalog.encoded(encoder.view, encoder.fingerprint)
    for sink in store.sinks():
        try:
            reached, held = sink.index.generation, len(sink.index)
        except CorpusError as error:
            yield Trouble(f"the index {sink.name!r} cannot be asked: {error}", "rag check --repair")
            continue
        if reached != newest:
            yield Trouble(f"the index {sink.name!r} is at change {reached} of {newest}", "rag check --repair")
        elif held != expected[sink.name]:
            what = f"the index {sink.name!r} holds {held} chunks, the catalog {expected[sink.name]}"
            yield Trouble(what, "rag check --repair")
        elif wrong := _damaged(sink.index):
            yield Trouble(f"files of the index {sink.name!r} are damaged: {', '.join(wrong)}", "rag check --repair")


def hubs(store: Store, sample: int = 1000) -> dict[str, float]:
    """For each encoder with one vector a chunk the skewness of N_10 among a sample of its vectors.

    Chunks ask for chunks here: what queries find may be less or more uneven. Left out below 100 vectors.
    """
    import numpy as np

    from rag.hubs import among

    ids = sorted(store.catalog.matching(And(())))
    found = {}
    for name, encoder in store.encoders.items():
        if getattr(encoder, "ragged", False):
            continue
        held = []
        for id in ids[:: max(1, len(ids) // sample)]:
            try:
                held.append(store.vectors[name].vectors([id])[0])
            except KeyError:  # not of a kind that this encoder takes
                continue
        if len(held) >= 100:
            found[name] = round(among(np.stack(held)), 2)
    return found


def _damaged(index: object) -> list[str]:
    """Files of an index whose checksums are wrong, where it keeps any."""
    look: Callable[[], list[str]] = getattr(index, "damaged", list)
    return look()


def _unfinished(store: Store) -> Iterator[Trouble]:
    for key in store.catalog.unfinished():
        yield Trouble(f"{key} was not read to its end", "run the same rag add again, or rag gc to drop its parts")


def _pictures(store: Store) -> Iterator[Trouble]:
    if gone := store.assets.missing("assets", store.catalog.media()):
        yield Trouble(f"{len(gone)} pictures are missing", "rag add --refresh, after removing their documents")


def _linked(store: Store) -> Iterator[Trouble]:
    for document in store.catalog.documents():
        if store.assets.kept(document.digest).exists():
            continue
        for source in document.sources:
            try:
                same = file_digest(source.path) == source.digest
            except OSError:
                yield Trouble(f"{source.uri} is gone; its text is still found", "rag remove, or put it back")
            else:
                if not same:
                    yield Trouble(f"{source.uri} changed since it was read", "rag add")


def sweep(store: Store) -> dict[str, int]:
    """Delete what no document names; counts, and the bytes that it freed."""
    with store.writing(timeout=10) as writer:
        freed = {**writer.sweep(), "summaries": writer.sweep_summaries()}
        named = {"assets": store.catalog.media(), "sources": store.catalog.digests(), "cache": set[str]()}
        total = 0
        for kind, names in named.items():
            freed[kind], size = store.assets.sweep(kind, names)
            total += size
    return {**freed, "bytes": total}


def reindex(store: Store, *, index: str | None = None, progress: ProgressCallback | None = None) -> dict[str, int]:
    """Encode what the configured encoders have not seen, and build the derived indexes anew.

    `index` names another vector index, which is taken into corpus.toml; vectors come from the
    catalog, so nothing is embedded again for it.
    """
    if index is not None:
        store = _with_index(store, index)
    warnings: list[str] = []
    encoding = Encoding(store, warnings.append)
    with store.writing(timeout=10) as writer:
        for name in store.encoders:
            writer.set_meta(complete_mark(name), "")
        encode_missing(store, writer, encoding, progress or untold)
        rebuild_all(store.catalog_path, store.sinks(), progress or untold)
    if warnings:
        raise CorpusError("; ".join(warnings))
    vectors = sum(len(one) for one in store.vectors.values())
    return {"encoded": encoding.encoded, "text": len(store.text), "vectors": vectors}


def _with_index(store: Store, name: str) -> Store:
    use = name if "/" in name else f"retrievers/indexes/{name}"
    registry.load(use)
    path = Path(store.folder) / "corpus.toml"
    before = store.settings["indexes"]["vectors"]["use"]
    text = path.read_text(encoding="utf-8")
    if text.count(f'"{before}"') != 1:
        raise ConfigError(f"set indexes.vectors.use to {use!r} by hand, then run: rag reindex", path=str(path))
    store.close()
    write_atomically(path, text.replace(f'"{before}"', f'"{use}"').encode())
    return Store(store.folder)


def with_summaries(store: Store) -> Store:
    """The store with an encoder of summaries: that of words once more, over the other view, taken into corpus.toml.

    Where no encoder of words can read another view, summaries are found by their words alone.
    """
    if any(encoder.view == "summary" for encoder in store.encoders.values()):
        return store
    tables = store.settings["encoders"]
    able = [
        {**tables[name], "view": "summary"} for name, encoder in store.encoders.items()
        if encoder.view != "pixels" and "view" in signature(registry.load(tables[name]["use"])).parameters
    ]  # fmt: skip
    if not able or "summaries" in tables:
        return store
    path = Path(store.folder) / "corpus.toml"
    text = path.read_text(encoding="utf-8").rstrip()
    added = written({"encoders": {"summaries": able[0]}})
    store.close()
    write_atomically(path, f"{text}\n\n{added}".encode())
    return Store(store.folder)
