"""A corpus folder, opened: its settings, catalog, assets, encoders and derived indexes."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from rag import registry
from rag.config import Builder, Table, read
from rag.document import Place, Source
from rag.errors import ConfigError, CorpusError, SourceError
from rag.filters import Filter
from rag.identity import combined, digest
from rag.protocols import Assets, TextIndex, TokenCounter, VectorIndex
from rag.store import schema
from rag.store.admitted import AdmittedAssets
from rag.store.assets import FolderAssets
from rag.store.catalog import Catalog
from rag.store.derived import PageSink, Sink, TextSink, VectorSink, replay
from rag.store.files import write_atomically
from rag.store.lock import write_lock
from rag.store.writer import Writer
from rag.words import WordCounter

_KINDS = {
    "chunker": "loaders/chunking", "loaders": "loaders", "encoders": "retrievers/encoders",
    "indexes": "retrievers/indexes",
}  # fmt: skip
_NAME = re.compile("[A-Za-z0-9_-]{1,64}")

OWN_PARTS = frozenset({"encoder", "vectors", "text", "pages"})
"""What profiles call parts that each corpus has: no name for one of its encoders."""


class Store:
    """Opening runs nothing and opens no socket; encoders load their weights at first use.

    A view with a `restriction` takes the `encoders` of the store that it is a view of.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        create: bool = False,
        restriction: Filter | None = None,
        encoders: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = Path(folder)
        self._settings_path = self.folder / "corpus.toml"
        if not self.catalog_path.exists():
            if not create:
                raise CorpusError(f"{self.folder} holds no corpus; make one with: rag add FILES --corpus {self.folder}")
            self._create()
        elif create and not schema.current(self.catalog_path):  # older, or a kill came before its tables
            self._create()
        self.settings = _checked(read(self._settings_path), self._settings_path)
        self._derivations: dict[str, str] = {}
        self.assets = FolderAssets(self.folder, self._render)
        self.catalog = Catalog(self.catalog_path, restriction)
        self.seen: Assets = self.assets if restriction is None else AdmittedAssets(self.assets, self.catalog)
        """The assets that answers may show."""
        try:
            self._build(encoders)
        except BaseException:
            self.close()
            raise

    def _build(self, given: Mapping[str, Any] | None) -> None:
        """The encoders and indexes that the settings name; ConfigError with all mistakes before the first."""
        builder = Builder({"catalog": self.catalog, "assets": self.assets}, path=str(self._settings_path))
        encoders, indexes = self.settings["encoders"], self.settings["indexes"]
        self._refuse([
            *(problem for name, table in encoders.items() for problem in builder.problems(table, f"encoders.{name}")),
            *builder.problems({**indexes["text"], "folder": self.folder}, "indexes.text"),
            *(problem for kind in ("vectors", "tokens") if encoders
              for problem in builder.problems({**indexes[kind], "folder": self.folder, "dim": 1}, f"indexes.{kind}")),
        ])  # fmt: skip
        self.encoders: dict[str, Any] = (
            dict(given)
            if given is not None
            else {name: builder.build(table, f"encoders.{name}") for name, table in encoders.items()}
        )
        counters = [one.counter for one in self.encoders.values() if hasattr(one, "counter")]
        self.counter: TokenCounter = counters[0] if counters else WordCounter()
        table = {**indexes["text"], "folder": self.folder / "text"}
        self.text: TextIndex = builder.build(table, "indexes.text")
        self.pages: TextIndex = builder.build({**table, "folder": self.folder / "pages"}, "indexes.text")
        self.vectors: dict[str, VectorIndex] = {}
        for name, encoder in self.encoders.items():
            folder = self._vectors_folder(name, encoder.fingerprint)
            kind = _index_of(encoder)
            table = {**indexes[kind], "folder": folder, "dim": encoder.dim}
            self.vectors[name] = builder.build(table, f"indexes.{kind}")

    def _refuse(self, problems: Sequence[str]) -> None:
        if problems:
            raise ConfigError("; ".join(problems), path=str(self._settings_path))

    @property
    def catalog_path(self) -> Path:
        return self.folder / "catalog.sqlite"

    @property
    def counter_table(self) -> Table | None:
        """The settings of the encoder that counts tokens, for worker processes."""
        named = (name for name, one in self.encoders.items() if getattr(one, "counter", None) is self.counter)
        return next((self.settings["encoders"][name] for name in named), None)

    @staticmethod
    def migrate(folder: str | Path) -> None:
        """Bring an older schema to today's, under the lock, after a backup."""
        path = Path(folder) / "catalog.sqlite"
        if path.exists():
            with write_lock(Path(folder), timeout=10):
                Writer(path).close()

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()

    def loader(self, media_type: str) -> Table | None:
        """The settings of the loader that takes a media type."""
        return self._able("load", media_type)

    def holder(self, media_type: str) -> Table | None:
        """The settings of the loader that finds the documents inside a source of a media type."""
        return self._able("members", media_type)

    def readable(self) -> dict[str, tuple[Table | None, Table | None]]:
        """For each media type that the settings know its loader and its holder."""
        types = sorted({one for taken, _ in self._loaders for one in taken})
        return {one: (self.loader(one), self.holder(one)) for one in types}

    def _able(self, capability: str, media_type: str) -> Table | None:
        able = (one for taken, one in self._loaders if media_type in taken)
        return next((dict(one) for one in able if hasattr(registry.load(one["use"]), capability)), None)

    @cached_property
    def _loaders(self) -> list[tuple[tuple[str, ...], Table]]:
        """What each loader takes, and its settings; ConfigError with all mistakes in these and the chunker's."""
        builder = Builder({"assets": self.assets, "counter": self.counter}, path=str(self._settings_path))
        tables = {f"loaders.{name}": table for name, table in self.settings["loaders"].items()}
        problems = [p for key, table in tables.items() for p in builder.problems(table, key)]
        problems += builder.problems(self.settings["chunker"], "chunker")
        if not problems:
            given = {key: registry.load(table["use"]) for key, table in tables.items()}
            problems = [
                f"{key}: {tables[key]['use']} is no loader: it has no {name}"
                for key, loader in given.items() for name in ("VERSION", "media_types") if not hasattr(loader, name)
            ]  # fmt: skip
        self._refuse(problems)
        return [(getattr(given[key], "media_types"), table) for key, table in tables.items()]  # noqa: B009

    def derivation(self, loader: Table) -> str:
        """Names everything that a document's chunks depend on beside its bytes."""
        key = repr(loader)
        if key not in self._derivations:  # each file of a folder asks
            self._derivations[key] = self._derived_by(loader)
        return self._derivations[key]

    def _derived_by(self, loader: Table) -> str:
        chunker = self.settings["chunker"]
        versions = [registry.load(table["use"]).VERSION for table in (loader, chunker)]  # type: ignore[attr-defined]
        return combined(loader, chunker, versions, self.counter.fingerprint, *self._installed(loader))

    def _installed(self, loader: Table) -> list[str]:
        """What a loader's output depends on beside its options: the models that are installed."""
        if not hasattr(registry.load(loader["use"]), "fingerprint"):
            return []
        built = Builder({"assets": self.assets, "counter": self.counter}, path=str(self._settings_path)).build(loader)
        return [built.fingerprint] if built.fingerprint else []

    @contextmanager
    def writing(self, timeout: float = 0.0) -> Iterator[Writer]:
        """Hold the write lock; derived indexes are brought up to date on the way in and out."""
        if self.catalog.restriction is not None:
            raise CorpusError("a restricted view cannot be written; open the corpus itself")
        with write_lock(self.folder, timeout):
            writer = Writer(self.catalog_path)
            try:
                self.replay()
                yield writer
                self.replay()
            except sqlite3.Error as error:
                raise CorpusError(f"{self.folder} cannot be written: {error}") from error
            finally:
                writer.close()

    def replay(self) -> None:
        """Bring the derived indexes up to the catalog; the caller holds the write lock."""
        replay(self.catalog_path, self.sinks())

    def sinks(self) -> list[Sink]:
        """The derived indexes with the way they are filled."""
        sinks: list[Sink] = [TextSink(self.text), PageSink(self.pages)]
        for name, encoder in self.encoders.items():
            ragged = _index_of(encoder) == "tokens"
            sinks.append(VectorSink(name, self.vectors[name], encoder.view, encoder.fingerprint, encoder.dim, ragged))
        return sinks

    def check_encoders(self) -> None:
        """CorpusError if the vectors were made by another encoder than the one configured."""
        for name, encoder in self.encoders.items():
            built = self.catalog.meta(f"encoder:{name}")
            if built is not None and built != encoder.fingerprint:
                raise CorpusError(
                    f"the vectors of {name!r} in {self.folder} were made by {built}, but the encoder configured "
                    f"now is {encoder.fingerprint}; encode again with: rag reindex"
                )

    def _create(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._settings_path.exists():
                template = files("rag").joinpath("profiles/corpus.toml").read_bytes()
                write_atomically(self._settings_path, template)
        except OSError as error:
            raise CorpusError(f"{self.folder} cannot be made: {error.strerror}") from error
        with write_lock(self.folder, timeout=30):
            writer = Writer(self.catalog_path)
            try:
                writer.set_new_meta("created", str(round(time.time())))
            finally:
                writer.close()

    def _vectors_folder(self, name: str, fingerprint: str) -> Path:
        """Where an encoder's index lies; another fingerprint has another folder."""
        return self.folder / "vectors" / f"{name}-{digest(fingerprint)[:12]}"

    def _render(self, source: Source, place: Place, dpi: int) -> bytes:
        """Draw a region in a worker process, since the source is hostile until checked."""
        from rag.serialise import to_plain

        loader = self.loader(source.media_type)
        if loader is None or not hasattr(registry.load(loader["use"]), "render"):
            raise SourceError(f"{source.media_type} has no picture to show", source=source.uri, kind="unsupported")
        request = {
            "op": "render", "source": to_plain(source), "place": to_plain(place), "dpi": dpi, "loader": loader,
            "folder": str(self.folder),
        }  # fmt: skip
        png: bytes = registry.load("pipelines/render")(request)
        return png


def _checked(settings: dict[str, Any], path: Path) -> dict[str, Mapping[str, Any]]:
    """Settings whose components are all of the kinds that an index may depend on.

    A corpus may come from anybody: a component that is not a loader, chunker, encoder or index, or
    a table that this program does not know, is refused before anything is built.
    """
    if unknown := set(settings) - set(_KINDS):
        raise ConfigError(f"unknown tables: {', '.join(sorted(unknown))}", path=str(path))
    problems: list[str] = []
    for section, kind in _KINDS.items():
        table = settings.setdefault(section, {})
        if not isinstance(table, dict):
            problems.append(f"{section} must be a table, got {table!r:.80}")
            continue
        for name, one in {"": table}.items() if section == "chunker" else table.items():
            key = f"{section}.{name}".rstrip(".")
            if section != "chunker" and not _NAME.fullmatch(name):  # it becomes the name of a folder
                problems.append(f"{key!r:.80}: a name is at most 64 letters, digits, `_` and `-`")
            if section == "encoders" and name in OWN_PARTS:
                problems.append(
                    f"{key}: `@{name}` is a part that each corpus has of its own; give the encoder another name, such "
                    "as `looks`, and run rag reindex, which encodes nothing again"
                )
            use = one.get("use") if isinstance(one, dict) else None
            if section == "loaders" and str(use).count("/") != 1:
                problems.append(f"{key}: `use` must name a loader, got {use!r:.80}")
            problems += [
                f"{key}: `use` must name a component under {kind}/, got {used!r:.80}"
                for used in [use, *_nested_uses(one)] if not str(used).startswith(kind + "/")
            ]  # fmt: skip
    problems = problems or list(_index_problems(settings))
    if problems:
        raise ConfigError("; ".join(problems), path=str(path))
    return settings


def _index_problems(settings: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    indexes = settings["indexes"]
    if isinstance(indexes, dict):
        indexes.setdefault("tokens", {"use": "retrievers/indexes/maxsim"})
    for name in sorted(set(indexes) - {"text", "vectors", "tokens"}):
        yield f"indexes.{name}: there are `text`, `vectors` and `tokens`, and no other"
    for name in ("text", "vectors") if settings["encoders"] else ("text",):
        if name not in indexes:
            yield f"indexes.{name} needs `use`"
    for name, table in indexes.items():
        for key in ("folder", "dim", "catalog"):
            if key in table:
                yield f"indexes.{name}: {key} is filled by Argus: leave it out"


def _index_of(encoder: object) -> str:
    """The table of the index that takes an encoder's vectors: one a chunk, or many (late interaction)."""
    return "tokens" if getattr(encoder, "ragged", False) else "vectors"


def _nested_uses(value: object) -> Iterator[object]:
    """Every `use` at any depth."""
    if isinstance(value, dict):
        if "use" in value:
            yield value["use"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _nested_uses(one)
