"""Names of tags, and what a page says of its code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_LANGUAGE = re.compile(r"(?:language|lang|highlight|brush:|code|highlight-source)-?([A-Za-z][\w+#.-]{0,30})")
_NONE = frozenset("default none text plain plaintext notranslate highlight block wrapper copy snippet example".split())


def name(node: _Element) -> str:
    """The tag, which the parser has put in lower case; "" for a comment or an instruction."""
    tag = node.tag
    return tag if type(tag) is str else ""


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
        classes = node.get("class", "").split()
        if "sourceCode" in classes:
            classes = [f"language-{one}" for one in classes if one != "sourceCode"]
        for one in classes:
            found = _LANGUAGE.fullmatch(one)
            if found and found[1].lower() not in _NONE:
                return found[1].lower()
    return ""
