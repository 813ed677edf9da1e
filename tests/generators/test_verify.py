"""Sentences against evidence: what the check by words and numbers lets pass and what not."""

from __future__ import annotations

import pytest
from rag.generators.cited import cited_sentences
from rag.generators.verify import Passage, checked
from rag.generators.verify_numbers import numbers, values

from rag.answer import Claim
from tests.generators.build import selection

REPORT = (
    "In 2021 the revenue of Acme rose to 42.5 million euros, up from 40 million in 2020. "
    "The board proposed a dividend of 1.20 euros per share. Costs fell by 3%."
)
RAIN = "| Month | Rain (mm) |\n|---|---|\n| August | 40 |\n| September | 81 |\n| October | 65 |"
MANUAL = "The function fzero finds a zero of a univariate function. Read `argv[1]` for the first of three arguments."


def claims(text: str, pictured: frozenset[int] = frozenset(), question: str = "") -> list[Claim]:
    passages = [Passage(one, one.number in pictured) for one in selection(REPORT, RAIN, MANUAL).evidence]
    return checked(text, cited_sentences(text, frozenset({1, 2, 3})), passages, question)[1]


@pytest.mark.parametrize(
    ("text", "status", "support"),
    [
        ("Revenue rose to 42.5 million euros in 2021. [1]", "supported", (1,)),
        ("Revenue rose to 42,500,000 euros in 2021. [1]", "supported", (1,)),
        ("The dividend is 1.2 euros per share. [1]", "supported", (1,)),
        ("In September 81 mm of rain fell. [2]", "supported", (2,)),
        ("- August: 40 mm [2]", "supported", (2,)),
        ("The function takes 3 arguments, argv[1] the first. [3]", "supported", (3,)),
        ("The first argument is `argv[1]`. [3]", "supported", (3,)),
        ("Revenue rose to 43.5 million euros in 2021. [1]", "unsupported", ()),
        ("Revenue rose to 42.5 million euros in 2022. [1]", "unsupported", ()),
        ("The dividend is 1.25 euros per share. [1]", "unsupported", ()),
        ("In September 81 mm of rain fell in Berlin. [2]", "unsupported", ()),
        ("Paris is the capital of France. [1]", "unsupported", ()),
        ("Sales went up a lot. [1]", "unsupported", ()),
        ("Revenue rose by 2.5 million euros. [1]", "computed", (1,)),
        ("Revenue rose by 6.25%, from 40 to 42.5 million. [1]", "computed", (1,)),
        ("August and September together had 121 mm of rain. [2]", "computed", (2,)),
        ("The average rain was 62 mm. [2]", "computed", (2,)),
        ("Revenue was about 43 million euros. [1]", "computed", (1,)),
        ("The rain was 121 mm. [2]", "unsupported", ()),
        ("In August 81 mm of rain fell. [2]", "partial", (2,)),
        ("The dividend was widely praised by every shareholder. [1]", "unsupported", ()),
        ("The board proposed a dividend, to nobody's great surprise. [1]", "partial", (1,)),
    ],
)
def test_a_cited_sentence(text: str, status: str, support: tuple[int, ...]) -> None:
    (claim,) = claims(text)
    assert (claim.status, claim.support) == (status, support)


def test_a_wrong_citation_is_partial_and_the_right_evidence_is_named() -> None:
    (claim,) = claims("In September 81 mm of rain fell. [1]")
    assert (claim.status, claim.support) == ("partial", (2,))


def test_evidence_that_adds_nothing_is_no_support() -> None:
    (claim,) = claims("In September 81 mm of rain fell. [1][2]")
    assert (claim.status, claim.support) == ("supported", (2,))


def test_a_quotation_is_supported_whatever_it_holds() -> None:
    passages = [Passage(one) for one in selection("Set x[1] = 2.36.1 if A*0 > 3e8, and go on.").evidence]
    for text in ("Set x[1] = 2.36.1 if A*0 > 3e8, and go on.", "x[1] = 2.36.1 if A*0 > 3e8", "a 0"):
        (claim,) = checked(text, cited_sentences(text, frozenset()), passages)[1]
        assert claim.status == "supported", text


def test_two_pieces_of_evidence_support_together() -> None:
    (claim,) = claims("Revenue rose to 42.5 million euros, and 81 mm of rain fell in September. [1][2]")
    assert (claim.status, claim.support) == ("supported", (1, 2))


def test_a_sentence_without_citation_is_ascribed() -> None:
    passages = [Passage(one) for one in selection(REPORT, RAIN, MANUAL).evidence]
    text = "In October 65 mm of rain fell. The moon is made of cheese."
    citations, found = checked(text, cited_sentences(text, frozenset({1, 2, 3})), passages)
    assert [(one.status, one.support) for one in found] == [("supported", (2,)), ("unsupported", ())]
    assert [(text[one.start : one.end], one.evidence) for one in citations] == [
        ("In October 65 mm of rain fell.", (2,))
    ]


def test_what_states_nothing_is_no_claim() -> None:
    assert claims("# Rain\n\nHere is the list:\n\n---\n\nThe evidence does not answer this question.") == []


def test_a_picture_that_was_seen_is_partial() -> None:
    text = "A red bus stands in front of a church. [3]"
    assert claims(text)[0].status == "unsupported"
    assert claims(text, frozenset({3}))[0].status == "partial"
    assert claims("A red bus stands there.", frozenset({3}))[0].status == "unsupported", "nobody said which"


def test_a_name_of_the_question_may_be_missing() -> None:
    text = "At Umbrella costs fell by 3%. [1]"
    assert claims(text)[0].status == "unsupported"
    assert claims(text, question="Did costs fall at Umbrella?")[0].status == "partial"


def test_a_title_counts_as_evidence() -> None:
    passages = [Passage(one) for one in selection("Costs fell by 3%.", title="Umbrella report 2021").evidence]
    text = "The costs of Umbrella fell by 3% in 2021. [1]"
    assert checked(text, cited_sentences(text, frozenset({1})), passages)[1][0].status == "supported"


def test_spans_are_those_of_the_sentences() -> None:
    text = "Costs fell by 3%. [1] In September 81 mm of rain fell. [2]"
    assert [text[one.start : one.end] for one in claims(text)] == [
        "Costs fell by 3%.",
        "In September 81 mm of rain fell.",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.5", {1234.5}),
        ("1.234,5", {1234.5}),
        ("1,234", {1234.0, 1.234}),
        ("3,14", {3.14}),
        ("1 234", {1.0, 234.0}),
        ("1\u202f234", {1234.0}),
        ("1.2 million", {1.2, 1_200_000.0}),
        ("5k", set()),
        ("81mm and 3%", {81.0, 3.0}),
        ("Q3 and x2", set()),
        ("1. First\n2. Second 7", {7.0}),
        ("1,2,3", {1.0, 2.0, 3.0}),
        ("٣", {3.0}),
        ("²", {2.0}),
    ],
)
def test_numbers(text: str, expected: set[float]) -> None:
    found = {value for number in numbers(text) for value in number.values}
    assert found == expected or (text == "5k" and found == {5.0, 5000.0})


def test_number_words_are_stated() -> None:
    assert {3.0, 12.0} <= values("three of twelve")


def test_versions_match_only_themselves() -> None:
    assert not numbers("2.36.1")[0].values & values("2.36 and 1, 236.1 and 2361")
    assert numbers("2.36.1")[0].values <= values("version 2.36.1")


def test_huge_numbers_do_no_harm() -> None:
    (claim,) = claims("Revenue rose to " + "9" * 5000 + " million euros. [1]")
    assert claim.status != "supported"
