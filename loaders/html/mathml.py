"""Formulas in MathML as a line of text: their LaTeX where the page has it, else read from left to right."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .tags import name

if TYPE_CHECKING:
    from lxml.etree import _Element

LONGEST = 20_000
_STYLE = re.compile(r"\{\\(?:displaystyle|textstyle)\s*(.*)\}", re.DOTALL)
_NO_TEXT = frozenset("annotation annotation-xml mphantom none mprescripts".split())
_SIMPLE = re.compile(r"[^\W_]+|.", re.DOTALL)


def formula(math: _Element) -> str:
    """The formula of a <math>: its LaTeX annotation, its `alttext`, or its parts written in a line."""
    for node in math.iter():
        if name(node) == "annotation" and "tex" in node.get("encoding", "").lower() and (node.text or "").strip():
            return _unwrapped(node.text or "")
    if stated := math.get("alttext", "").strip():
        return _unwrapped(stated)
    return " ".join(_line(math).split())[:LONGEST]


def _unwrapped(tex: str) -> str:
    tex = " ".join(tex[:LONGEST].split())
    inside = _STYLE.fullmatch(tex)
    return inside[1].strip() if inside else tex


def _line(math: _Element) -> str:
    """x^2, a/b, sqrt(x): parts of more than one sign in brackets. Never by recursion."""
    from lxml import etree

    said: dict[_Element, str] = {}
    for _, node in etree.iterwalk(math, events=("end",)):
        tag = name(node)
        if not tag or tag in _NO_TEXT:
            continue
        parts = [said.pop(child, "") for child in node if name(child) and name(child) not in _NO_TEXT]
        said[node] = _joined(tag, (node.text or "").strip(), parts)[:LONGEST]
    return said.get(math, "")


def _joined(tag: str, own: str, parts: list[str]) -> str:
    if tag == "mfrac" and len(parts) == 2:
        return f"{_grouped(parts[0])}/{_grouped(parts[1])}"
    if tag in ("msup", "mover") and len(parts) == 2:
        return f"{_grouped(parts[0])}^{_grouped(parts[1])}"
    if tag in ("msub", "munder") and len(parts) == 2:
        return f"{_grouped(parts[0])}_{_grouped(parts[1])}"
    if tag in ("msubsup", "munderover") and len(parts) == 3:
        return f"{_grouped(parts[0])}_{_grouped(parts[1])}^{_grouped(parts[2])}"
    if tag == "msqrt":
        return f"sqrt({''.join(parts)})"
    if tag == "mroot" and len(parts) == 2:
        return f"root({parts[0]}, {parts[1]})"
    if tag == "mtr":
        return " ".join(parts) + "; "
    if tag == "mo" and own in ("=", "<", ">", "+", "-", "−", "±", "≤", "≥", "≠", "≈", "→", "∈", "·", "×"):
        return f" {own} "
    return own + "".join(parts)


def _grouped(text: str) -> str:
    text = text.strip()
    return text if _SIMPLE.fullmatch(text) else f"({text})"
