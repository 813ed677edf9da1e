"""Measures of an answer's text against the gold answers."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence

from rag.words import normalised, words

from .numerals import number, numbers

ARTICLES = frozenset({"a", "an", "the"})
MOST_WORDS = 2000
"""Of a text that is compared word by word."""
_LIST_BYTES = 10_000
_MARK = re.compile(r"\s*\[\d{1,3}(?:\s*,\s*\d{1,3})*\]")
_SIGNS = re.compile(r"[^\w\s.,;:!?'’\"“”()-]")


def unmarked(text: str) -> str:
    """An answer without its citation marks, which would count as numbers."""
    return _MARK.sub("", text)


def items(gold: str) -> tuple[str, ...]:
    """The parts of a gold answer: all of "['UK', 'Israel']", or the answer itself."""
    text = gold.strip()
    if text.startswith("[") and text.endswith("]") and len(text) <= _LIST_BYTES:
        try:
            listed = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return (text,)
        if isinstance(listed, list) and listed and all(isinstance(one, (str, int, float)) for one in listed):
            return tuple(str(one).strip() for one in listed)
    return (text,)


def contains(answer: str, golds: Sequence[str]) -> float:
    """1.0 if the answer holds one of the gold answers, else 0.0.

    Of a gold list each item must be there. A gold number is compared with the numbers of the answer by
    value; a text as a run of normalised words (case, articles, accents, punctuation left out), or, if
    it holds signs such as `%F`, as it is written. A lenient measure: a long answer holds more by chance.
    """
    return float(any(all(_holds(answer, one) for one in items(gold)) for gold in golds))


def _holds(answer: str, wanted: str) -> bool:
    if values := number(wanted):
        return any(not values.isdisjoint(one) for one in numbers(answer))
    literal = "".join(normalised(wanted).split())
    if _SIGNS.search(wanted):
        return bool(literal) and literal in "".join(normalised(answer).split())
    run, text = _words(wanted), _words(answer)
    return bool(run) and any(text[at : at + len(run)] == run for at in range(len(text) - len(run) + 1))


def token_f1(answer: str, golds: Sequence[str]) -> float:
    """Token F1 with the gold answer that gives the most.

    Rajpurkar et al. 2016, "SQuAD", section 6.1: with c words in common, counted as often as both have
    them, P = c / words of the answer, R = c / words of the gold, F1 = 2PR / (P + R). Words are cut by
    `rag.words` (SQuAD: at white space, punctuation dropped), articles left out.
    """
    return max((_f1(_words(answer), _words(" ".join(items(gold)))) for gold in golds), default=0.0)


def _f1(answer: Sequence[str], gold: Sequence[str]) -> float:
    return _harmonic((Counter(answer) & Counter(gold)).total(), len(answer), len(gold))


def rouge_l(answer: str, golds: Sequence[str]) -> float:
    """ROUGE-L with the gold answer that gives the most.

    Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries", equations 2 to 4 with beta = 1:
    with l the length of the longest common subsequence of words, P = l / words of the answer,
    R = l / words of the gold, F = 2PR / (P + R). Words as in `token_f1`, articles kept.
    """
    cut = words(answer)[:MOST_WORDS]
    return max((_rouge(cut, words(" ".join(items(gold)))[:MOST_WORDS]) for gold in golds), default=0.0)


def _rouge(answer: Sequence[str], gold: Sequence[str]) -> float:
    return _harmonic(common_subsequence(answer, gold), len(answer), len(gold))


def common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """The length of the longest common subsequence, in time |one| x |other|."""
    row = [0] * (len(other) + 1)
    for word in one:
        before = 0
        for at, against in enumerate(other, 1):
            above = row[at]
            row[at] = before + 1 if word == against else max(above, row[at - 1])
            before = above
    return row[-1]


def _harmonic(common: int, answer: int, gold: int) -> float:
    """2PR / (P + R) with P = common / answer and R = common / gold, which is 2 common / (answer + gold)."""
    return 2 * common / (answer + gold) if common else 0.0


def _words(text: str) -> list[str]:
    return [word for word in words(text) if word not in ARTICLES][:MOST_WORDS]
