"""A glossary is read strictly and matched by whole words."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import ConfigError
from rag.glossary import load, meant, read

TEXT = """
[[entry]]
terms = ["current ratio", "working capital"]
words = "current assets, current liabilities"

[[entry]]
terms = ["ROA", "return on assets"]
words = "net income, total assets"
"""
SHIPPED = read((files("rag.retrievers") / "glossary.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("What is the Current Ratio of ACME?", ["current ratio"]),
        ("What are the current_ratios?", ["current ratio"]),
        ("Is the current high?", []),
        ("What was the ROA in 2020?", ["ROA"]),
        ("Where does the roa live?", []),
        ("Return on assets and working-capital", ["working capital", "return on assets"]),
        ("concurrent ratio", []),
        ("", []),
    ],
)
def test_terms(question: str, terms: list[str]) -> None:
    assert [term for term, _ in meant(read(TEXT), question)] == terms


def test_the_one_that_ships() -> None:
    assert len(SHIPPED) > 20
    assert [term for term, _ in meant(SHIPPED, "What is the quick ratio in FY2021?")] == ["quick ratio"]
    assert meant(SHIPPED, "How much rain fell in November?") == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("entry = 3", "tables"),
        ("[[entry]]\nterms = []\nwords = 'a'", "entry 1"),
        ("[[entry]]\nterms = ['a']\nwords = ' '", "entry 1"),
        ("[[entry]]\nterms = ['?!']\nwords = 'a'", "entry 1"),
        ("[[entry]]\nterms = ['a']\nwords = 'a'\nmore = 1", "entry 1"),
        ("[other]\na = 1", "tables"),
        ("not toml", "no TOML"),
    ],
)
def test_what_is_wrong_is_said(text: str, match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        read(text)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "none.toml")


@given(st.text(max_size=200))
def test_any_question(text: str) -> None:
    meant(SHIPPED, text)
