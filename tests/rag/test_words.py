"""What the words of a text are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import MAX_WORD, WordCounter, content_words, normalised, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The ﬁle, THE FILE.", ["the", "file", "the", "file"]),
        ("pi is 3.14 (not 3,140)", ["pi", "is", "3.14", "not", "3140"]),
        ("1,234 1234 1,234,567.89 1.234.567,89", ["1234", "1234", "1234567.89", "1234567.89"]),
        ("items 1,2,3 of 12,34,567", ["items", "1", "2", "3", "of", "12", "34", "567"]),
        ("version 5.4.4.", ["version", "5.4.4"]),
        ("$1,234.5, 10% and -5", ["1234.5", "10", "and", "5"]),
        ("FIT_LOG", ["fit_log", "fit", "log"]),
        ("C-c M-x", ["c-c", "c", "c", "m-x", "m", "x"]),
        ("--flag-name -v", ["flag-name", "flag", "name", "v"]),
        ("a well-known state-of-the-art", ["a", "well", "known", "state", "of", "the", "art"]),
        ("UTF-8 C++ C#", ["utf-8", "utf", "8", "c++", "c", "c#", "c"]),
        ("os.path.join('x')", ["os.path.join", "os", "path", "join", "x"]),
        ("the dog's tail, don't, O’Brien", ["the", "dog", "tail", "don't", "o'brien"]),
        ("l'homme d’or", ["homme", "or"]),
        ("café Café CAFÉ cafe\u0301", ["cafe"] * 4),
        ("Straße İstanbul", ["strasse", "istanbul"]),
        ("soft\u00adhyphen zero\u200bwidth", ["softhyphen", "zerowidth"]),
        ("हिन्दी में।", ["हिन्दी", "में"]),
        ("日本語 と 日", ["日本", "本語", "と", "日"]),
        ("A日本B", ["a", "日本", "b"]),
        ("العَرَبِيَّة", ["العربية"]),
        ("_ -- ’ ... !", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_long_runs_are_cut_alike_on_both_sides() -> None:
    assert words("a" * 1000) == words("a" * MAX_WORD) == ["a" * MAX_WORD]


def test_content_words_keep_something() -> None:
    assert content_words("where is the file") == ["file"]
    assert content_words("to be or not to be") == ["to", "be", "or", "not", "to", "be"]
    assert content_words("") == []


def test_normalised_keeps_accents_and_drops_invisible_marks() -> None:
    assert normalised("Caf\u00e9 ﬁ\u00adn") == "caf\u00e9 fin"


def test_counter() -> None:
    counter = WordCounter(100)
    assert counter.count(["two words", ""]) == [2, 0]
    assert counter.limit == 100
    assert counter.fingerprint != WordCounter(101).fingerprint


@given(st.text())
def test_any_text_gives_short_words_without_space(text: str) -> None:
    for word in words(text):
        assert word
        assert len(word) <= MAX_WORD
        assert not any(character.isspace() for character in word)


@given(st.text(st.characters(codec="utf-8")))
def test_case_and_compatibility_forms_do_not_matter(text: str) -> None:
    assert words(normalised(text)) == words(text)


@pytest.mark.parametrize("unit", ["1,", "a-", "a'", "1.", "e\u0301", "日", "-", "a_", ".,", "1,1x"])
def test_time_grows_with_length_only(unit: str) -> None:
    began = time.perf_counter()
    words(unit * 100_000)
    assert time.perf_counter() - began < 5
