"""Names of tags, and what a page says of its code."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml.etree import _Element

_LANGUAGE = re.compile(r"(?:language|lang|highlight|brush:|code|highlight-source|src)-?([A-Za-z][\w+#.-]{0,30})")
_KNOWN = frozenset(
    "ada awk bash c c++ cpp csharp css diff elixir erlang fortran go graphql haskell html http ini java javascript js "
    "json julia kotlin latex lisp lua makefile matlab nginx objectivec ocaml octave perl php powershell prolog python "
    "r ruby rust scala scheme sh shell sql swift tcl toml ts typescript vim xml yaml zig".split()
)
"""Languages that a class names without more, as older highlighters and rustdoc do."""
_NONE = frozenset("default none text plain plaintext notranslate highlight block wrapper copy snippet example".split())


def name(node: _Element) -> str:
    """The tag, which the parser has put in lower case; "" for a comment or an instruction."""
    tag = node.tag
    return tag if type(tag) is str else ""


@cache
def path(expression: str) -> Any:
    """An XPath, compiled once."""
    from lxml.etree import XPath

    return XPath(expression, smart_strings=False)


def says(data: bytes, *words: bytes) -> bool:
    """Does the page, in lower case, hold one of these? To look is faster than to ask its elements. No bytes: it may."""
    return not data or any(word in data for word in words)


def code_language(code: _Element) -> str:
    """The programming language that the page names for a piece of code, or "".

    By the classes that highlighters write (`language-python`, `highlight-sql`, `sourceCode haskell`),
    on the <pre>, the <code> in it, or up to two elements around it.
    """
    around = [code, *(child for child in code if name(child) == "code")]
    parent = code.getparent()
    while parent is not None and len(around) < 4 and name(parent) in ("div", "figure", "td"):
        around.append(parent)
        parent = parent.getparent()
    for node in around:
        stated = node.get("data-lang") or node.get("data-language")
        if stated and re.fullmatch(r"[A-Za-z][\w+#.-]{0,30}", stated):
            return stated.lower()
        classes = node.get("class", "").replace("brush: ", "brush:").split()
        if "sourceCode" in classes:
            classes = [f"language-{one}" for one in classes if one != "sourceCode"]
        for one in classes:
            found = _LANGUAGE.fullmatch(one)
            if found and found[1].lower() not in _NONE:
                return found[1].lower()
        if name(node) in ("pre", "code"):
            named = next((one.lower() for one in [*classes, node.get("lang", "")] if one.lower() in _KNOWN), "")
            if named:
                return named
    return ""
