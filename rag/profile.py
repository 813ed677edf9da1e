"""Profiles: how to search and answer. They are the user's own, never a corpus'.

`local` ships with Argus; any other is a TOML file. `${NAME}` in a user's file is the environment
variable of that name, so that keys need not lie in files; it is never expanded in a corpus.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from rag.config import read
from rag.errors import ConfigError

TABLES = frozenset(
    {"retriever", "words_only", "selector", "compressor", "computed", "generator", "ask", "captioner", "parts"}
)
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def built_in() -> list[str]:
    """The names of the profiles that ship with Argus."""
    names = (entry.name for entry in files("rag").joinpath("profiles").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml") and name != "corpus.toml")


def load_profile(name: str | Path) -> dict[str, Any]:
    """The tables of a profile; what a user's file leaves out is as in `local`."""
    local = tomllib.loads(files("rag").joinpath("profiles/local.toml").read_text(encoding="utf-8"))
    if str(name) in built_in():
        text = files("rag").joinpath(f"profiles/{name}.toml").read_text(encoding="utf-8")
        return {**local, **tomllib.loads(text)}
    if not Path(name).is_file():
        raise ConfigError(f"no profile {str(name)!r}: use {', '.join(built_in())}, or a TOML file", key=str(name))
    tables = _expanded(read(name), str(name))
    if unknown := set(tables) - TABLES:
        raise ConfigError(
            f"unknown tables {', '.join(sorted(unknown))}; known: {', '.join(sorted(TABLES))}", path=str(name)
        )
    if problems := list(_problems(tables)):
        raise ConfigError("; ".join(problems), path=str(name))
    return {**local, **tables}


def present(table: Any, parts: Collection[str]) -> Any:
    """A table without those of its nested tables that are `optional = true` and name a part that is not there."""
    if isinstance(table, list):
        return [present(one, parts) for one in table]
    if not isinstance(table, Mapping):
        return table
    kept = {name: one for name, one in table.items() if name != "optional" and not _lacking(one, parts)}
    return {name: present(one, parts) for name, one in kept.items()}


def _lacking(table: Any, parts: Collection[str]) -> bool:
    if not isinstance(table, Mapping) or table.get("optional") is not True:
        return False
    return any(isinstance(one, str) and one.startswith("@") and one[1:] not in parts for one in table.values())


def _problems(tables: dict[str, Any]) -> Iterator[str]:
    for name, table in tables.items():
        if not isinstance(table, dict):
            yield f"{name} must be a table, got {table!r:.80}"
        elif name == "ask":
            yield from (f"ask takes no {key!r}; it takes 'depth'" for key in sorted(set(table) - {"depth"}))
            depth = table.get("depth", 1)
            if not isinstance(depth, int) or isinstance(depth, bool) or depth < 1:
                yield f"ask: depth must be a whole number from 1 on, got {depth!r:.80}"
        elif name != "parts" and "use" not in table:
            yield f"{name} needs `use`"


def _expanded(value: Any, path: str) -> Any:
    if isinstance(value, dict):
        return {key: _expanded(one, path) for key, one in value.items()}
    if isinstance(value, list):
        return [_expanded(one, path) for one in value]
    if not isinstance(value, str):
        return value

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigError(f"environment variable {match[1]} is not set", path=path, key=match[1])
        return os.environ[match[1]]

    return _VARIABLE.sub(variable, value)
