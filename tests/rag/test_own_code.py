"""A checkpoint's own Python code: run by the user's word for exactly that code, and in no other case."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
from rag.retrievers.encoders.universal import Universal
from rag.retrievers.encoders.visrag import VisRAG

import rag
from rag import own_import
from rag.answer import query
from rag.checkpoint import checkpoint
from rag.errors import ConfigError
from rag.own_code import ENVIRONMENT, digests, own_code
from tests.golden.checkpoints import plain
from tests.golden.own_checkpoints import marking, own, ran

ALL = ["configuration_tiny.py", "modeling_tiny.py", "eyes.py", "states.py"]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return own(tmp_path / "model", "pages")


def named(folder: Path) -> str:
    return own_code(str(folder), folder).digest


def allow(monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    monkeypatch.setenv(ENVIRONMENT, " ".join(codes))


def used(model: Path | str, code: str = "", revision: str = "") -> None:
    """As a corpus does: named first, then run."""
    encoder = VisRAG(str(model), code=code, revision=revision)
    _ = encoder.dim, encoder.fingerprint
    assert encoder.encode_queries([query("red")]).shape == (1, encoder.dim)


def refused(folder: Path, message: str, code: str = "") -> str:
    """The error; nothing was run."""
    with pytest.raises(ConfigError, match=message) as caught:
        used(folder, code)
    assert ran(folder) == []
    return str(caught.value)


# --- two words ---------------------------------------------------------------------------------------


def test_without_a_word_it_is_refused_and_says_what_to_read_and_write(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = refused(folder, "`code` is not set")
    size = (folder / "eyes.py").stat().st_size
    assert f"eyes.py ({size:,} bytes)" in told
    assert f"in {folder}" in told
    code = re.search('write code = "([0-9a-f]{64})"', told)
    assert code is not None
    assert f"export {ENVIRONMENT}={code[1]}" in told
    allow(monkeypatch, code[1])
    used(folder, code[1])
    assert ran(folder) == ALL


def test_the_setting_alone_or_the_environment_alone_is_not_enough(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(folder, f"{ENVIRONMENT} in your environment does not", named(folder))
    allow(monkeypatch, named(folder))
    refused(folder, "`code` is not set")


def test_the_word_for_other_code_is_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "a" * 64)
    refused(folder, "another one", "a" * 64)


@pytest.mark.parametrize("file", [*ALL, "config.json", "tokenizer_config.json"])
def test_a_file_that_changes_later_is_refused_again(file: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = named(folder)
    allow(monkeypatch, code)
    (folder / file).write_text((folder / file).read_text(encoding="utf-8") + "\n", encoding="utf-8")
    refused(folder, "not as it was read", code)


def test_a_file_more_is_refused_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = named(folder)
    allow(monkeypatch, code)
    (folder / "more.py").write_text("")
    refused(folder, "not as it was read", code)


@pytest.mark.parametrize("code", ["true", "A" * 64, "a" * 63, f"{'a' * 64} b"])
def test_a_digest_is_a_digest(code: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        VisRAG(str(folder), code=code)
    allow(monkeypatch, code)
    refused(folder, f"{ENVIRONMENT} must be", named(folder))


def test_digests_are_parted_by_blanks_or_commas() -> None:
    first, second = "a" * 64, "b" * 64
    assert digests(f" {first}, {second}\n") == {first, second}
    assert digests("") == frozenset()


def test_code_is_for_checkpoints_that_have_some(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    del settings["auto_map"]
    (folder / "config.json").write_text(json.dumps(settings))
    allow(monkeypatch, named(folder))
    refused(folder, "no auto_map", named(folder))


def test_weights_are_safetensors_still(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    allow(monkeypatch, named(folder))
    refused(folder, "pickle", named(folder))


# --- what runs is what was digested ------------------------------------------------------------------


def test_a_file_exchanged_between_the_digest_and_the_import_is_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, real = named(folder), own_import._tables

    def exchanged() -> object:
        for file in ALL:
            (folder / file).write_text(marking(folder, "evil"))
        return real()

    monkeypatch.setattr(own_import, "_tables", exchanged)
    allow(monkeypatch, code)
    used(folder, code)
    assert ran(folder) == ALL


def test_an_import_finds_digested_files_or_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a compiled module, nor a folder that is a link: neither was digested."""
    outside = folder.parent / "outside"
    outside.mkdir()
    (outside / "late.py").write_text(marking(folder, "evil"))
    (folder / "linked").symlink_to(outside)
    file = folder / "eyes.py"
    file.write_text("from .linked import late\n" + file.read_text(encoding="utf-8"), encoding="utf-8")
    allow(monkeypatch, named(folder))
    with pytest.raises(ConfigError, match="linked"):
        used(folder, named(folder))
    assert "evil" not in ran(folder)


def test_files_in_folders_below_are_digested_and_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "parts").mkdir()
    (folder / "parts/deep.py").write_text("from ..eyes import Eyes\n" + marking(folder, "parts/deep.py"))
    file = folder / "modeling_tiny.py"
    file.write_text(file.read_text(encoding="utf-8").replace("from .eyes import", "from .parts.deep import"))
    before = named(folder)
    allow(monkeypatch, before)
    used(folder, before)
    assert "parts/deep.py" in ran(folder)
    (folder / "parts/deep.py").write_text("")
    with pytest.raises(ConfigError, match="not as it was read"):
        used(folder, before)


def test_folders_of_one_name_do_not_share_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they would in transformers' cache of modules; which is not touched."""
    first, second = (own(tmp_path / side / "model", "pages") for side in "ab")
    file = second / "eyes.py"
    file.write_text(file.read_text(encoding="utf-8") + "\n# another\n", encoding="utf-8")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    allow(monkeypatch, named(first), named(second))
    before = {name for name in sys.modules if name.startswith("transformers_modules")}
    for one in (first, second, first):
        used(one, named(one))
    assert ran(first) == ALL * 2
    assert ran(second) == ALL
    assert not (tmp_path / "modules").exists()
    assert {name for name in sys.modules if name.startswith("transformers_modules")} == before


def test_a_link_out_of_the_folder_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "eyes.py"
    shutil.move(file, folder.parent / "eyes.py")
    file.symlink_to(folder.parent / "eyes.py")
    allow(monkeypatch, "a" * 64)
    refused(folder, "outside of the checkpoint", "a" * 64)
    refused(folder, "outside of the checkpoint")


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_of_another_repository_is_refused(file: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = json.loads((folder / file).read_text(encoding="utf-8"))
    name = "AutoModel" if file == "config.json" else "AutoTokenizer"
    settings.setdefault("auto_map", {})[name] = ["nobody/other--modeling.Class", None]
    (folder / file).write_text(json.dumps(settings))
    allow(monkeypatch, "a" * 64)
    refused(folder, "code of another repository.*nobody/other--modeling", "a" * 64)


def test_code_that_code_asks_for_needs_its_own_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As MM-Embed asks for that of NV-Embed, with trust_remote_code set in its own text."""
    other = own(tmp_path / "one" / "other", "pages", model_type="tiny_other")
    model = own(tmp_path / "two" / "model", "universal", retriever=str(other))
    first, second = named(model), named(other)
    allow(monkeypatch, first, second)
    with pytest.raises(ConfigError, match="asked for by the code of"):
        Universal(str(model), code=first).encode_queries([query("red")])
    assert ran(other) == []
    allow(monkeypatch, first)
    with pytest.raises(ConfigError, match="asked for by the code of"):
        Universal(str(model), code=f"{first} {second}").encode_queries([query("red")])
    assert ran(other) == []
    allow(monkeypatch, first, second)
    Universal(str(model), code=f"{first} {second}").encode_queries([query("red")])
    assert ran(other) == ["configuration_tiny.py"]


def test_what_code_registers_is_gone_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another checkpoint of that type would otherwise be opened by it, without a word."""
    first, second = (own(tmp_path / side / "model", "universal") for side in "ab")
    allow(monkeypatch, named(first))
    Universal(str(first), code=named(first)).encode_queries([query("red")])
    with pytest.raises(ConfigError, match="`code` is not set"):
        Universal(str(second)).encode_queries([query("red")])
    assert ran(second) == []


@pytest.mark.parametrize("fails", [True, False])
def test_transformers_is_left_as_it_was(fails: bool, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants
    from transformers import dynamic_module_utils as dynamic

    def state() -> list[object]:
        return [dynamic.get_cached_module_file, dynamic.get_class_in_module, constants.HF_HUB_OFFLINE]

    before = state()
    if fails:
        (folder / "modeling_tiny.py").write_text("import nothing_of_this_name")
    allow(monkeypatch, named(folder))
    if fails:
        with pytest.raises(ConfigError, match="its own code needs nothing_of_this_name"):
            used(folder, named(folder))
    else:
        used(folder, named(folder))
    assert state() == before


def test_the_hub_is_offline_while_code_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = folder / "eyes.py"
    telling = f"import huggingface_hub\nopen({str(folder.parent / 'ran')!r}, 'a').write("
    telling += "f'offline={huggingface_hub.is_offline_mode()}\\n')\n"
    file.write_text(telling + file.read_text(encoding="utf-8"), encoding="utf-8")
    allow(monkeypatch, named(folder))
    used(folder, named(folder))
    assert "offline=True" in ran(folder)


# --- hub names ---------------------------------------------------------------------------------------


@pytest.fixture
def cached(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """The checkpoint as the hub's cache holds it: a commit's files are links to blobs."""
    home = tmp_path / "hub" / "models--openbmb--VisRAG-Ret"
    snapshot = home / "snapshots" / COMMIT
    (home / "blobs").mkdir(parents=True)
    for number, file in enumerate(sorted(path for path in folder.rglob("*") if path.is_file())):
        blob = home / "blobs" / str(number)
        shutil.copyfile(file, blob)
        link = snapshot / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.file_download.HF_HUB_CACHE", str(tmp_path / "hub"), raising=False)
    return lambda: snapshot


def test_a_hub_name_runs_at_one_commit_only(
    cached: Callable[[], Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, code = "openbmb/VisRAG-Ret", named(cached())
    with pytest.raises(ConfigError, match=f'code = "{code}" and revision = "{COMMIT}"'):
        VisRAG(name)
    allow(monkeypatch, code)
    for moving in ("", "main"):
        with pytest.raises(ConfigError, match=f'at one commit only.*revision = "{COMMIT}"'):
            used(name, code, moving)
    assert ran(folder) == []
    used(name, code, COMMIT)
    assert ran(folder) == ALL


def test_a_blob_exchanged_in_the_cache_is_refused(
    cached: Callable[[], Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = named(cached())
    allow(monkeypatch, code)
    (cached() / "modeling_tiny.py").resolve().write_text(marking(folder, "evil"))
    with pytest.raises(ConfigError, match="not as it was read"):
        used("openbmb/VisRAG-Ret", code, COMMIT)
    assert ran(folder) == []


# --- a corpus by somebody else ------------------------------------------------------------------------


LOOKING = """
[retriever]
use = "retrievers/dense"
encoder = "@visrag"
index = "@visrag.vectors"
"""


def test_a_corpus_brings_no_code_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its corpus.toml has all that it can have: a checkpoint inside of it, and the right digest."""
    given = tmp_path / "given"
    model = own(given / "model", "pages")
    settings = files("rag").joinpath("profiles/corpus.toml").read_text(encoding="utf-8")
    before, after = settings.split("[encoders.minilm]")
    words, rest = after.split("[indexes", 1)
    table = f'[encoders.visrag]\nuse = "retrievers/encoders/visrag"\nmodel = "{model}"\ncode = "{named(model)}"\n\n'
    (given / "corpus.toml").write_text(f"{before}[encoders.minilm]{words}{table}[indexes{rest}", encoding="utf-8")
    (tmp_path / "scan.png").write_bytes(plain("red"))
    (tmp_path / "more.png").write_bytes(plain("blue"))
    (tmp_path / "looking.toml").write_text(LOOKING)
    with monkeypatch.context() as theirs, rag.Corpus(given) as corpus:
        allow(theirs, named(model))
        corpus.add(tmp_path / "scan.png", workers=0)
    (tmp_path / "given" / "ran").unlink()
    with rag.Corpus(given) as corpus:
        corpus.describe()
        corpus.search("red")
        with pytest.raises(ConfigError, match=f"{ENVIRONMENT} in your environment does not"):
            corpus.add(tmp_path / "more.png", workers=0)
    with (
        rag.Corpus(given, profile=tmp_path / "looking.toml") as corpus,
        pytest.raises(ConfigError, match=f"{ENVIRONMENT} in your environment does not"),
    ):
        corpus.search("red")
    assert ran(model) == []


def test_the_fingerprint_follows_the_code(folder: Path) -> None:
    """Also where none may run: an index of it is not taken for one without."""
    assert VisRAG(str(folder)).fingerprint != VisRAG(str(folder), code=named(folder)).fingerprint
    assert checkpoint(str(folder)).digest[:16] in VisRAG(str(folder)).fingerprint
