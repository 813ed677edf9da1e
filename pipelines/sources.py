"""What a user names, to the files to ingest: folders, globs, ignore rules, sidecars."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from glob import has_magic, iglob
from pathlib import Path

from rag.addresses import canonical, is_url, shown
from rag.document import LabelValue
from rag.errors import SourceError
from rag.filters import check_labels
from rag.sniff import HEAD, NAMED_ONLY, TAIL, media_type

IGNORED_FOLDERS = frozenset({"__pycache__", "node_modules", "venv"})
PAGE_SUFFIXES = (".html", ".htm", ".xhtml")
SAVED_WITH = ("_files", ".files", "_Dateien", "-Dateien", "_fichiers", "_archivos", "_file", "_arquivos", "_bestanden")
OF_PAGES = (".js", ".mjs", ".css", ".map")
IGNORE_FILE = ".ragignore"
SIDECAR = ".meta.json"
SIDECAR_BYTES = 2**20
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Found:
    """A file or address to take, or why it is not taken: `skip` for the report, `error` for a failure."""

    uri: str
    path: Path
    media_type: str = ""
    labels: Mapping[str, LabelValue] = field(default_factory=dict)
    skip: str = ""
    error: SourceError | None = None
    url: str = ""
    """The canonical address of what is to be fetched, and its key; "" for a file."""
    notes: tuple[str, ...] = ()
    """What the report should say of it beside what its loader says."""
    member: str = ""
    """The key of a member of a container; "" for what is none."""


def found(names: Iterable[str | Path], leave_out: Path) -> Iterator[Found]:
    """The files behind what the user named, each once, folders in sorted order.

    Folders are walked without following links out of them; hidden files, `IGNORED_FOLDERS`, what
    `.ragignore` lists and the corpus itself (`leave_out`) are passed over, scripts and style sheets
    beside or under web pages are told as skipped. A file that is named one
    by one is taken whatever the rules say, or fails with a reason.
    """
    seen: set[Path | str] = set()
    for name in names:
        for one in _expanded(str(name), leave_out.resolve()):
            if (key := one.url or one.path) not in seen:
                seen.add(key)
                yield one


def _expanded(name: str, leave_out: Path) -> Iterator[Found]:
    if "\0" in name:
        yield _failed(name, "a file name cannot hold a NUL character", "unreadable")
    elif is_url(name):
        yield address(name)
    elif os.path.isdir(name):
        yield from _walk(Path(name), leave_out)
    elif os.path.lexists(name):
        yield _file(name, Path(name), named=True)
    elif has_magic(name):
        matches = sorted(iglob(name, recursive=True))
        if not matches:
            yield _failed(name, "no file matches this pattern", "missing")
        for match in matches:
            if os.path.isdir(match):
                continue
            one = _file(match, Path(match), named=False)
            if not one.path.name.endswith(SIDECAR):
                yield one
    elif _SCHEME.match(name):
        yield _failed(shown(name), "of addresses only http and https ones are taken", "unsupported")
    else:
        yield _failed(name, "no such file or folder", "missing")


def address(url: str) -> Found:
    """What is to be fetched from an address that the user gave; nothing is fetched yet."""
    name = shown(url.strip())
    try:
        key = canonical(url)
    except ValueError as error:
        return _failed(name, str(error), "refused")
    return Found(name, Path(key), url=key)


def _failed(name: str, why: str, kind: str) -> Found:
    name = _shown(name)
    return Found(name, Path(name), error=SourceError(why, source=name, kind=kind))


def _walk(folder: Path, leave_out: Path) -> Iterator[Found]:
    root = folder.resolve()
    patterns = _patterns(folder)
    closed: list[OSError] = []
    with_pages: set[Path] = set()
    for current, folders, files in os.walk(folder, onerror=closed.append):
        here = Path(current)
        patterns_here = patterns + (_patterns(here) if here != folder else [])
        folders[:] = sorted(
            name for name in folders
            if not name.startswith(".") and name not in IGNORED_FOLDERS
            and not _own(here / name, leave_out) and not _ignored(here / name, folder, patterns_here)
        )  # fmt: skip
        for name in _of_saved_pages(folders, files):
            folders.remove(name)
            yield Found(_shown(here / name), (here / name).absolute(), skip="what belongs to the saved page beside it")
        for name in folders:
            if (path := here / name).is_symlink():  # `os.walk` does not follow it
                yield Found(_shown(path), path.absolute(), skip="a link to a folder is not followed")
        if any(name.lower().endswith(PAGE_SUFFIXES) for name in files):
            with_pages.add(here)
        of_pages = OF_PAGES if not with_pages.isdisjoint((here, *here.parents)) else ()
        for name in sorted(files):
            path = here / name
            if name.startswith(".") or name.endswith(SIDECAR) or _ignored(path, folder, patterns_here):
                continue
            if path.is_symlink() and not _inside(path, root):
                why = "a link that leads out of the folder" if path.exists() else "a link that leads nowhere"
                yield Found(_shown(path), path.absolute(), skip=why)
            elif of_pages and name.lower().endswith(of_pages):
                why = "a script or style sheet of the web pages here; it is taken when named one by one"
                yield Found(_shown(path), path.absolute(), skip=why)
            else:
                yield _file(str(path), path, named=False)
    for error in closed:
        yield _failed(_shown(error.filename), f"cannot read the folder: {error.strerror}", "unreadable")


def _of_saved_pages(folders: Iterable[str], files: Iterable[str]) -> list[str]:
    """The folders in which browsers keep what belongs to a page: the page's loader takes its pictures from there."""
    saved = {stem for file in files if (stem := file.rpartition(".")[0]) and file.lower().endswith(PAGE_SUFFIXES)}
    marks = [(name, end) for name in folders for end in SAVED_WITH if name.endswith(end)]
    return [name for name, end in marks if name.removesuffix(end) in saved]


def _own(path: Path, leave_out: Path) -> bool:
    try:
        return path.resolve() == leave_out
    except (OSError, RuntimeError):  # links in a circle
        return False


def _shown(path: Path | str) -> str:
    """A path as text that can be printed and stored; bytes that are no UTF-8 are escaped."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def _patterns(folder: Path) -> list[str]:
    try:
        lines = (folder / IGNORE_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    return [line.strip().rstrip("/") for line in lines if line.strip() and not line.startswith("#")]


def _ignored(path: Path, root: Path, patterns: list[str]) -> bool:
    relative = path.relative_to(root).as_posix()
    return any(fnmatch(path.name, one) or fnmatch(relative, one.lstrip("/")) for one in patterns)


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):
        return False


def _file(uri: str, path: Path, *, named: bool) -> Found:
    """A file with its type by content; a pipe or a device is never opened."""
    try:
        resolved = path.resolve(strict=True)
        if (shown := _shown(uri)) != uri or _shown(resolved) != str(resolved):
            # Neither the catalog nor JSON can hold such a name, so its evidence could not be opened.
            return _failed(shown, "its name is not valid UTF-8; rename it", "unreadable")
        if not stat.S_ISREG(resolved.stat().st_mode):
            return _refused(uri, path, "not a regular file", "unsupported", named)
        with open(resolved, "rb") as file:
            head = file.read(HEAD)
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL))
            tail = file.read(TAIL) if head[:2] == b"PK" else b""
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return Found(uri, path.absolute(), error=SourceError(f"cannot read: {why}", source=uri))
    if not head:
        return Found(uri, resolved, error=SourceError("the file is empty", source=uri, kind="empty"))
    kind = media_type(resolved.name, head, tail)
    if kind is None:
        return _refused(uri, resolved, "unknown file type", "unsupported", named)
    if kind in NAMED_ONLY and not named:
        return Found(uri, resolved, kind, skip=f"{kind} files are taken only when named one by one")
    try:
        return Found(uri, resolved, kind, labels=_sidecar(resolved))
    except SourceError as error:
        return Found(uri, resolved, kind, error=error)


def _refused(uri: str, path: Path, why: str, kind: str, named: bool) -> Found:
    if named:
        return Found(uri, path.absolute(), error=SourceError(why, source=uri, kind=kind))
    return Found(uri, path.absolute(), skip=why)


def _sidecar(path: Path) -> dict[str, LabelValue]:
    """The labels in `NAME.meta.json` beside a file."""
    sidecar = path.with_name(path.name + SIDECAR)
    if not sidecar.is_file():
        return {}
    try:
        if sidecar.stat().st_size > SIDECAR_BYTES:
            raise ValueError(f"above the limit of {SIDECAR_BYTES} bytes")
        told = json.loads(sidecar.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        why = f"{sidecar.name}: not readable as JSON: {error}"
        raise SourceError(why, source=_shown(path)) from error
    if not isinstance(told, dict):
        raise SourceError(f"{sidecar.name}: expected one JSON object", source=_shown(path))
    try:
        return check_labels(told)
    except ValueError as error:
        raise SourceError(f"{sidecar.name}: {error}", source=_shown(path)) from error


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")
