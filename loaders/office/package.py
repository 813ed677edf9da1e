"""Zip packages of XML parts (Office Open XML, OpenDocument, EPUB), read with limits and without entities."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rag.document import Source
from rag.errors import RagError, SourceError

from ..archive.zips import check_directory
from ..reading import read

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_PARTS = 20_000
MAX_DIRECTORY = 8_000_000
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_RELATIONS = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
_DECLARES = tuple("<!DOCTYPE".encode(codec) for codec in ("utf-8", "utf-16-le", "utf-16-be")) + tuple(
    "<!ENTITY".encode(codec) for codec in ("utf-8", "utf-16-le", "utf-16-be")
)


@dataclass(frozen=True, slots=True)
class Relation:
    """What a part refers to: the kind of thing, and the name of the part; external ones are never followed."""

    kind: str
    target: str
    external: bool


class Package:
    """The parts of one file. Sizes are checked from the list of parts before anything is unpacked."""

    def __init__(self, source: Source, max_bytes: int, max_unpacked: int) -> None:
        self.uri = source.uri
        self.data = read(source, max_bytes)
        if self.data[:8] == _OLE:
            why = "protected by a password or in an old format; save it without one, as a file of today's format"
            raise SourceError(why, source=source.uri, kind="encrypted")
        file = io.BytesIO(self.data)
        check_directory(file, source.uri, MAX_DIRECTORY)
        try:
            self._zip = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, EOFError) as error:
            raise SourceError(f"damaged file: {error}", source=source.uri, kind="damaged") from error
        self._parts = {info.filename.lstrip("/"): info for info in self._zip.infolist() if not info.is_dir()}
        total = sum(info.file_size for info in self._zip.infolist())
        if len(self._zip.infolist()) > MAX_PARTS or total > max_unpacked:
            why = (
                f"{len(self._zip.infolist()):,} parts of {total:,} bytes unpacked, more than the limits of "
                f"{MAX_PARTS:,} and {max_unpacked:,} (max_unpacked)"
            )
            raise SourceError(why, source=source.uri, kind="limit")

    @property
    def names(self) -> list[str]:
        """The names of the parts, in the package's order."""
        return list(self._parts)

    def read(self, name: str) -> bytes | None:
        """A part's bytes, no more than the list of parts says; None where there is none. SourceError: damaged."""
        info = self._parts.get(name.lstrip("/"))
        if info is None:
            return None
        if info.flag_bits & 0x1:
            raise SourceError("protected by a password", source=self.uri, kind="encrypted", place=name[:80])
        try:
            with self._zip.open(info) as part:
                return part.read(info.file_size + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError) as error:
            raise SourceError(f"damaged part: {error}", source=self.uri, kind="damaged", place=name[:80]) from error

    def xml(self, name: str, *, declared: bool = False) -> _Element | None:
        """The root of an XML part; None where there is none. `declared` allows a document type, never its entities.

        Raises SourceError: damaged; refused for a part that declares entities.
        """
        from lxml import etree

        data = self.read(name)
        if data is None:
            return None
        if not declared and any(one in data for one in _DECLARES):
            why = "it declares a document type or entities, which such files never need"
            raise SourceError(why, source=self.uri, kind="refused", place=name[:80])
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
                                 remove_pis=True)  # fmt: skip
        try:
            return etree.fromstring(data, parser)
        except (etree.LxmlError, ValueError) as error:
            raise SourceError(f"damaged XML: {error}", source=self.uri, kind="damaged", place=name[:80]) from error

    def refuse_entities(self) -> None:
        """SourceError where any XML part declares entities: for libraries that parse by themselves."""
        for name in self._parts:
            if name.lower().endswith((".xml", ".rels", ".vml")):
                data = self.read(name) or b""
                if any(one in data for one in _DECLARES):
                    why = "it declares a document type or entities, which such files never need"
                    raise SourceError(why, source=self.uri, kind="refused", place=name[:80])

    def main(self, default: str) -> str:
        """The name of the part that the package is about."""
        named = (one.target for one in self.relations("").values() if one.kind == "officeDocument" and not one.external)
        return next(named, default)

    def relations(self, part: str) -> dict[str, Relation]:
        """What a part refers to, by id."""
        folder, name = posixpath.split(part)
        root = self.xml(f"{folder}/_rels/{name}.rels".lstrip("/"))
        found: dict[str, Relation] = {}
        for one in root.iter(_RELATIONS) if root is not None else ():
            kind = one.get("Type", "").rpartition("/")[2]
            target, external = one.get("Target", ""), one.get("TargetMode") == "External"
            found[one.get("Id", "")] = Relation(kind, target if external else beside(part, target), external)
        return found


def beside(part: str, reference: str) -> str:
    """The name of the part that a reference inside another means."""
    reference = unquote(reference.split("#")[0])
    return posixpath.normpath(posixpath.join("/", posixpath.dirname(part), reference)).lstrip("/")


def inside(part: str, path: str) -> str:
    """The path of a block in one part of the package; `rag.document.MarkupPath` says how it reads."""
    return f"/{part}!{path}"


@contextmanager
def parsing(uri: str, place: str = "") -> Iterator[None]:
    """Turns what a library raises about a broken file into a SourceError: each raises what it likes."""
    try:
        yield
    except (RagError, MemoryError):
        raise
    except RecursionError as error:
        raise SourceError("nested too deeply", source=uri, kind="limit", place=place) from error
    except Exception as error:
        why = f"damaged file: {type(error).__name__}: {str(error)[:200]}"
        raise SourceError(why, source=uri, kind="damaged", place=place) from error
