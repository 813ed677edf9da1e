"""No code from data, no network outside the door, no input check that -O removes: read from syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

import pytest

NETWORK_DOOR = "rag/net.py"
MODULES = {
    "pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "jsonpickle", "marshal", "shelve",
    "code", "codeop",
}  # fmt: skip
NETWORK = {
    "aiohttp", "anyio", "ftplib", "h11", "http", "httpcore", "httpcore2", "httpx", "httpx2", "imaplib",
    "playwright", "poplib", "qdrant_client", "requests", "smtplib", "socket", "socketserver", "ssl", "telnetlib",
    "urllib", "urllib3", "websockets", "xmlrpc",
}  # fmt: skip
OTHER_DOORS = {
    # In this process; for a server it only writes requests and reads answers, `rag/net` sends them.
    "retrievers/indexes/qdrant.py": {"qdrant_client"},
    "retrievers/indexes/qdrant_clients.py": {"qdrant_client"},
    "retrievers/indexes/qdrant_filters.py": {"qdrant_client"},
    "retrievers/indexes/qdrant_local.py": {"qdrant_client"},
    "pipelines/browser.py": {"playwright"},  # a browser whose every request `fetch` answers
}
HARMLESS = {"urllib.parse", "http.HTTPStatus"}
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint"}
ATTRIBUTES = {
    ("os", "system"), ("os", "popen"), ("os", "execv"), ("os", "spawnv"), ("torch", "load"), ("yaml", "load"),
    ("yaml", "unsafe_load"), ("asyncio", "open_connection"), ("asyncio", "start_server"),
    ("asyncio", "create_subprocess_shell"), ("tempfile", "mktemp"), ("shutil", "unpack_archive"),
}  # fmt: skip
KEYWORDS = {
    ("trust_remote_code", True), ("allow_pickle", True), ("shell", True), ("resolve_entities", True),
    ("no_network", False), ("huge_tree", True), ("weights_only", False),
}  # fmt: skip
MAY_RUN_CODE_OF_CHECKPOINTS = "rag/own_import.py"
"""The one place that says trust_remote_code=True: while all that transformers loads as code is watched there."""
MAY_START_PROGRAMS = {
    "pipelines/workers.py",  # the parsing processes: this interpreter, no shell
    "loaders/ocr/tesseract.py",  # the program `tesseract` of the PATH: no shell, no option names another
}


def faults(path: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (f"{path}:{node.lineno} imports {name}" for name in _forbidden(path, node))
        elif isinstance(node, ast.Call):
            yield from (f"{path}:{node.lineno} {what}" for what in _call(node))
        elif isinstance(node, ast.Dict):
            yield from (f"{path}:{node.lineno} {what}" for what in _table(path, node))
        elif isinstance(node, ast.Assert):
            yield f"{path}:{node.lineno} assert: raise an error instead"


def _forbidden(path: str, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    else:
        names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module and not node.level else []
    for name in names:
        first = name.split(".")[0]
        if any(f"{name}.".startswith(f"{harmless}.") for harmless in HARMLESS):
            continue
        if first in MODULES or (first in NETWORK and path != NETWORK_DOOR and first not in OTHER_DOORS.get(path, ())):
            yield name
        if first == "subprocess" and path not in MAY_START_PROGRAMS:
            yield name


def _call(node: ast.Call) -> Iterator[str]:
    match node.func:
        case ast.Name(id=name) if name in CALLS:
            yield f"calls {name}"
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in ATTRIBUTES:
            yield f"calls {owner}.{name}"
        case ast.Attribute(attr="extractall"):
            yield "calls extractall: take members one by one"
    for keyword in node.keywords:
        if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in KEYWORDS:
            yield f"passes {keyword.arg}={keyword.value.value}"


def _table(path: str, node: ast.Dict) -> Iterator[str]:
    """Keywords that are passed by a table, as `**local` does."""
    for key, value in zip(node.keys, node.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(value, ast.Constant):
            continue
        allowed = key.value == "trust_remote_code" and path == MAY_RUN_CODE_OF_CHECKPOINTS
        if (key.value, value.value) in KEYWORDS and not allowed:
            yield f"holds {key.value}={value.value}"


def test_code_of_checkpoints_is_run_in_one_place(trees: Mapping[str, ast.Module]) -> None:
    """One table, in one function of one file, given out only inside of the watch over transformers."""
    found = [
        (path, function.name)
        for path, tree in trees.items()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if key and ast.unparse(key) == "'trust_remote_code'" and ast.unparse(value) != "False"
    ]
    assert found == [(MAY_RUN_CODE_OF_CHECKPOINTS, "running")]
    assert not list(faults(MAY_RUN_CODE_OF_CHECKPOINTS, ast.parse("f(**{'trust_remote_code': True})")))
    assert list(faults(MAY_RUN_CODE_OF_CHECKPOINTS, ast.parse("f(trust_remote_code=True)")))
    assert list(faults(MAY_RUN_CODE_OF_CHECKPOINTS, ast.parse("exec(text)")))


def test_the_package_is_clean(trees: Mapping[str, ast.Module]) -> None:
    assert [fault for path, tree in trees.items() for fault in faults(path, tree)] == []


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import socket",
        "import urllib.request",
        "from urllib import request",
        "import httpx",
        "import httpcore2",
        "from httpx2 import Client",
        "from playwright.async_api import async_playwright",
        "eval('1')",
        "import subprocess",
        "torch.load(path)",
        "AutoModel.from_pretrained(name, trust_remote_code=True)",
        "local = {'trust_remote_code': True}\nAutoModel.from_pretrained(name, **local)",
        "numpy.load(path, allow_pickle=True)",
        "etree.XMLParser(no_network=False)",
        "archive.extractall(folder)",
        "assert path",
        "def f(x):\n    assert isinstance(x, str)",
    ],
)
def test_the_rule_sees(code: str) -> None:
    assert list(faults("loaders/x.py", ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ["from urllib.parse import urlsplit", "import urllib.parse", "re.compile('a')", "from .http import x",
     "etree.XMLParser(no_network=True, resolve_entities=False)", "model.eval()"],
)  # fmt: skip
def test_the_rule_lets_pass(code: str) -> None:
    assert list(faults("loaders/x.py", ast.parse(code))) == []


def test_the_door_may_use_sockets() -> None:
    assert list(faults(NETWORK_DOOR, ast.parse("import socket"))) == []
    assert list(faults(NETWORK_DOOR, ast.parse("import pickle")))
