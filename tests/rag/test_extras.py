"""Missing libraries and the lines that install them."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from rag.errors import MissingExtra
from rag.extras import extra


def test_a_library_that_is_there_is_no_matter() -> None:
    with extra("vision"):
        import json
    assert json


def test_a_library_that_is_not_there() -> None:
    with (
        pytest.raises(MissingExtra, match=r"no_such_library is not installed.*argus-rag\[vision\]") as caught,
        extra("vision"),
    ):
        import_module("no_such_library.part")
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)
    assert (caught.value.module, caught.value.extra) == ("no_such_library", "vision")


def test_a_library_that_fails_inside_says_so_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_library.py").write_text("from json import no_such_name\n")
    (tmp_path / "failing_library.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ImportError) as caught, extra("vision"):
        import_module("broken_library")
    assert not isinstance(caught.value, MissingExtra)
    with pytest.raises(ZeroDivisionError), extra("vision"):
        import_module("failing_library")


def test_the_inner_extra_is_the_one_to_install() -> None:
    with pytest.raises(MissingExtra) as caught, extra("outer"), extra("inner"):
        import_module("no_such_library")
    assert caught.value.extra == "inner"
