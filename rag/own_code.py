"""Python code that comes with a checkpoint: read, named by its digest, and run only by the user's word.

Some published weights (openbmb/VisRAG-Ret, nvidia/MM-Embed) have a model class of their own, which lies beside
them as Python. Two words have to agree before it runs: the component's `code`, which says what runs and is part of
its fingerprint, and ARGUS_CODE in the environment, which says that it may. The second one is there because a
corpus may come from anybody, its corpus.toml and a checkpoint inside of it included. Both are the digest of all of
the checkpoint's Python files and of the settings that choose among their classes: a changed file is another digest,
and is refused. What is run are the very bytes that were digested (`own_import`). Standard library only.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rag.checkpoint import Checkpoint, broken
from rag.errors import ConfigError
from rag.identity import combined, digest

ENVIRONMENT = "ARGUS_CODE"
MOST_FILES = 200
MOST_BYTES = 4 * 2**20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class OwnCode:
    """A checkpoint's Python files by their path in its folder, and its settings, both as they were when digested."""

    name: str
    folder: Path
    files: Mapping[str, bytes]
    settings: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """sha256 (hex) over the names and bytes of all of them."""
        return combined(*([[name, digest(one[name])] for name in sorted(one)] for one in (self.files, self.settings)))

    @property
    def told(self) -> str:
        """The files that would be run, their sizes and where to read them."""
        listed = ", ".join(f"{name} ({len(self.files[name]):,} bytes)" for name in sorted(self.files))
        return f"{listed} in {self.folder}"


@dataclass(frozen=True)
class Word:
    """A checkpoint's code, with the digests of all code that both the component and the environment name."""

    code: OwnCode
    digests: frozenset[str]


def digests(code: str, name: str = "code") -> frozenset[str]:
    """The digests that a setting names, parted by blanks or commas; ValueError for anything else."""
    named = frozenset(code.replace(",", " ").split())
    if wrong := sorted(one for one in named if not _DIGEST.fullmatch(one)):
        raise ValueError(
            f"{name} must be sha256 digests of 64 hexadecimal digits, got {wrong[0]!r:.80}; "
            "leave it empty to be told the digest"
        )
    return named


def own_code(name: str, folder: Path) -> OwnCode:
    """The Python files and settings of the checkpoint in a folder, read once; nothing is run.

    ConfigError for a file that is a link out of the checkpoint, for more or larger files than any
    model has, and for settings that name the code of another repository.
    """
    files = dict(_files(name, folder))
    settings = {path.name: _read(name, folder, path) for path in sorted(folder.glob("*config*.json"))}
    for file, data in settings.items():
        if foreign := next(_foreign(data), None):
            raise ConfigError(
                f"{name}: its {file} names Python code of another repository ({foreign}), which a digest "
                "of this one does not cover, so it is not run. Copy those files into this checkpoint's folder and "
                "leave the part before -- out",
                key="code",
            )
    return OwnCode(name, folder, files, settings)


def word(checkpoint: Checkpoint, code: str, revision: str) -> Word:
    """The user's word that a checkpoint's code may run; ConfigError, with what to write, where it is not given."""
    found = own_code(checkpoint.name, checkpoint.folder)
    if not found.files or "auto_map" not in checkpoint.config:
        lacking = "auto_map in its config.json" if found.files else f"Python file in {checkpoint.folder}"
        raise ConfigError(f"{checkpoint.name}: code is set, and there is no {lacking}: leave code out", key="code")
    named, allowed = digests(code), _environment()
    if found.digest not in named:
        raise refused(found, "the digest in `code` is another one, so a file is not as it was read")
    if not Path(checkpoint.name).expanduser().is_dir() and not _COMMIT.fullmatch(revision):
        raise ConfigError(
            f"{checkpoint.name}: code of a hub name is run at one commit only; write the 40 digits of it"
            f"{_commit(checkpoint.folder)}",
            key="revision",
        )
    if found.digest not in allowed:
        raise refused(found, f"`code` names it, and {ENVIRONMENT} in your environment does not")
    return Word(found, named & allowed)


def refused(found: OwnCode, why: str) -> ConfigError:
    """The error for code that may not run: what it is, where to read it, and the lines to write."""
    return ConfigError(
        f"{found.name}: its model class is Python code that comes with the checkpoint and that would have to be run; "
        f"Argus never does without your word: {why}. It is {found.told}. "
        "Code can do all that you can do: read these files. To run them, write "
        f'code = "{found.digest}"{_commit(found.folder)} in the table of the component, and in your own environment, '
        f"since a corpus may come from anybody: export {ENVIRONMENT}={found.digest}",
        key="code",
    )


def _commit(folder: Path) -> str:
    """The commit of a folder in the hub's cache, as a setting."""
    cached = folder.parent.name == "snapshots" and _COMMIT.fullmatch(folder.name)
    return f' and revision = "{folder.name}"' if cached else ""


def _environment() -> frozenset[str]:
    try:
        return digests(os.environ.get(ENVIRONMENT, ""), ENVIRONMENT)
    except ValueError as error:
        raise ConfigError(str(error), key=ENVIRONMENT) from error


def _files(model: str, folder: Path) -> Iterator[tuple[str, bytes]]:
    """All Python files, also in folders below: relative imports may reach any of them."""
    count = 0
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            if (count := count + 1) > MOST_FILES:
                raise broken(model, f"there are more than {MOST_FILES} Python files in {folder}")
            path = Path(place, name)
            yield path.relative_to(folder).as_posix(), _read(model, folder, path)


def _read(model: str, folder: Path, path: Path) -> bytes:
    """A file's bytes; ConfigError for one that lies elsewhere.

    In the hub's cache each file of a commit is a link into the folder `blobs` of the same repository.
    """
    home = folder.resolve()
    try:
        real = path.resolve(strict=True)
        inside = [home, *([home.parent.parent / "blobs"] if home.parent.name == "snapshots" else [])]
        if not any(real.is_relative_to(one) for one in inside):
            raise ConfigError(
                f"{model}: {path.name} is a link to {real}, outside of the checkpoint; code and settings "
                "are read from the checkpoint's own folder alone. Copy the file there",
                key="code",
            )
        with open(real, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise broken(model, f"{path} cannot be read ({error.strerror})") from error
    if len(data) > MOST_BYTES:
        raise broken(model, f"{path.name} has more than {MOST_BYTES:,} bytes, which no code or settings have")
    return data


def _foreign(data: bytes) -> Iterator[str]:
    """Classes of other repositories ("owner/name--module.Class") that settings name."""
    try:
        settings = json.loads(data)
    except (ValueError, RecursionError):
        return
    waiting: list[Any] = [settings.get("auto_map")] if isinstance(settings, dict) else []
    while waiting:
        one = waiting.pop()
        if isinstance(one, str) and "--" in one:
            yield one
        elif isinstance(one, (list, dict)):
            waiting.extend(one.values() if isinstance(one, dict) else one)
