"""Running a checkpoint's own Python code: from the bytes that were digested, and from nowhere else.

transformers copies such code into a cache of modules by the folder's name, compares the copies by size and time,
and imports what lies there. Here it is imported from memory instead, as a package named by its digest: there is
no file to be exchanged in between, none left by another checkpoint, and a relative import finds digested files or
nothing. While a checkpoint of this kind is being opened, all code that transformers is asked for goes this way, so
that code of one checkpoint cannot bring in that of another behind the user's back, and the hub is offline.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_file_location
from pathlib import Path
from threading import RLock
from types import ModuleType
from typing import Any

from rag.checkpoint import located
from rag.errors import ConfigError
from rag.own_code import OwnCode, Word, own_code, refused
from rag.registry import attribute

PACKAGE = "argus_code_"
_LOCK = RLock()


class Digested(MetaPathFinder, ExecutionLoader):
    """Modules of packages that are kept as bytes; one instance stands first among the finders of this process."""

    def __init__(self) -> None:
        self._codes: dict[str, OwnCode] = {}

    def add(self, code: OwnCode) -> str:
        """The package of that code, ready to be imported anew."""
        package = PACKAGE + code.digest
        self._codes[package] = code
        for name in [one for one in sys.modules if one == package or one.startswith(package + ".")]:
            del sys.modules[name]
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        return package

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The module, if it is one of ours; ModuleNotFoundError rather than that another finder looks on the disk."""
        if fullname.partition(".")[0] not in self._codes:
            return None
        _, file, is_package = self._found(fullname)
        # Without places to search, no other finder adds to the package.
        places: list[str] | None = [] if is_package else None
        return spec_from_file_location(fullname, file, loader=self, submodule_search_locations=places)

    def get_filename(self, fullname: str) -> str:
        """Where the module was read: told in tracebacks, and not read again."""
        return self._found(fullname)[1]

    def get_source(self, fullname: str) -> str:
        """The text of the bytes that were digested."""
        return decode_source(self._found(fullname)[0])

    def is_package(self, fullname: str) -> bool:
        """Whether it has modules below it."""
        return self._found(fullname)[2]

    def _found(self, fullname: str) -> tuple[bytes, str, bool]:
        package, _, rest = fullname.partition(".")
        if code := self._codes.get(package):
            stem = rest.replace(".", "/")
            start = f"{stem}/" if stem else ""
            for name, is_package in ((f"{start}__init__.py", True), (f"{stem}.py", False)):
                if name in code.files:
                    return code.files[name], str(code.folder / name), is_package
            if any(name.startswith(start) for name in code.files):
                return b"", str(code.folder / f"{start}__init__.py"), True
        raise ModuleNotFoundError(f"No module named {fullname!r} among the files that were digested", name=fullname)


_DIGESTED = Digested()


@contextmanager
def running(word: Word) -> Iterator[dict[str, Any]]:
    """What to pass to transformers so that it runs a checkpoint's own code; that of `word`, and no other.

    Code that this code asks for (MM-Embed builds its language model by the code of nvidia/NV-Embed-v1) is run if
    `word` names its digest too, and is refused with it where not. Classes that the code registers for
    transformers' own names are taken out again at the end: another checkpoint must not be given them.
    """
    from huggingface_hub import constants
    from transformers import dynamic_module_utils as dynamic

    used = set(dynamic.get_class_from_dynamic_module.__code__.co_names)
    if not {"get_cached_module_file", "get_class_in_module"} <= used:
        raise ConfigError(
            "this version of transformers loads a checkpoint's code in another way than Argus can watch; use 5.23",
            key="code",
        )

    packages: dict[str, str] = {}

    def placed(repository: Any, module_file: str, *_: Any, revision: Any = None, **__: Any) -> str:
        code = _asked_for(word, str(repository), revision)
        if code.digest not in packages:  # each run imports anew, so that the code registers its classes again
            packages[code.digest] = _DIGESTED.add(code)
        return f"{packages[code.digest]}/{module_file}"

    def picked(class_name: str, module_path: Any, **_: Any) -> Any:
        module = str(module_path).removesuffix(".py").replace("/", ".")
        return attribute(module, class_name)

    with _LOCK:
        kept = dynamic.get_cached_module_file, dynamic.get_class_in_module, constants.HF_HUB_OFFLINE
        tables = _tables()
        setattr(dynamic, "get_cached_module_file", placed)  # noqa: B010
        setattr(dynamic, "get_class_in_module", picked)  # noqa: B010
        constants.HF_HUB_OFFLINE = True
        try:
            yield {"local_files_only": True, "trust_remote_code": True}
        finally:
            dynamic.get_cached_module_file, dynamic.get_class_in_module, constants.HF_HUB_OFFLINE = kept
            for table, before in tables:
                table.clear()
                table.update(before)


def _asked_for(word: Word, repository: str, revision: Any) -> OwnCode:
    """The code of a repository; ConfigError for what the user has not named."""
    place = Path(repository)
    if place.is_dir() and place.resolve() == word.code.folder.resolve():
        return word.code
    try:
        other = own_code(repository, located(repository, "" if place.is_dir() else str(revision or "")))
    except ConfigError as error:
        raise ConfigError(
            f"{word.code.name}: its code asks for that of {repository}, which cannot be read: {error}", key="code"
        ) from error
    if other.digest not in word.digests:
        why = (
            f"it is asked for by the code of {word.code.name}, and its digest has to stand beside the first one, "
            "parted by a blank, in both places"
        )
        raise refused(other, why)
    return other


def _tables() -> list[tuple[dict[Any, Any], dict[Any, Any]]]:
    """The tables into which code registers classes for transformers' own names, each with what it holds now."""
    from transformers.models.auto import auto_factory, modeling_auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    lazy = [one for one in vars(modeling_auto).values() if isinstance(one, auto_factory._LazyAutoMapping)]
    mappings: list[Any] = [CONFIG_MAPPING, *lazy]
    found = [one._extra_content for one in mappings]
    return [(table, dict(table)) for table in found]
