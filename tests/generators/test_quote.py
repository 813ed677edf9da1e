"""Quote: which words it takes from where, and that it adds none."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rag.generators.quote import Quote
from rag.generators.quote_units import is_verbatim, units

from rag.answer import Answer, Checked, Done, Evidence, Evidenced, Query, Score, Selection, Settings, TextPiece, query
from rag.document import Box, Chunk, Coloured, Modality, PageRegion
from rag.outstanding import narrowed
from tests.generators.build import hit, selection

RAIN = (
    "The gauge stands in the garden. It is cleaned every two weeks when leaves fall. "
    "In September 81 mm of rain fell on the station. Readings are kept by Anna Keller since 1987."
)
TABLE = (
    "Table 2: Results in millions\n| Item | 2020 | 2021 |\n| --- | --- | --- |\n"
    "| Revenues | $37,403 | $44,538 |\n| Costs | $21,162 | $24,576 |"
)


def ask(question: str, given: Selection, generator: Quote | None = None, **settings: object) -> str:
    (answer,) = (generator or Quote()).generate([query(question)], [given], Settings(**settings))  # type: ignore[arg-type]
    return answer.text


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much rain fell in September?", "In September 81 mm of rain fell on the station. [1]"),
        (
            "How often is the gauge cleaned?",
            "The gauge stands in the garden. It is cleaned every two weeks when leaves fall. [1]",
        ),
        ("Who keeps the readings?", "Readings are kept by Anna Keller since 1987. [1]"),
    ],
)
def test_the_sentence_that_answers_is_quoted(question: str, expected: str) -> None:
    assert ask(question, selection(RAIN), Quote(sentences=1)) == expected


def test_a_table_row_is_quoted_with_its_header_cells_and_only_the_columns_asked_for() -> None:
    given = selection(TABLE, modality="table")
    expected = "Table 2: Results in millions: Revenues — 2021: $44,538 [1]"
    assert ask("What were the revenues in 2021?", given, Quote(sentences=1)) == expected
    whole = ask("What were the costs?", given, Quote(sentences=1))
    assert whole == "Table 2: Results in millions: Costs — 2020: $21,162; 2021: $24,576 [1]"


def test_a_table_without_column_names_is_quoted_without_any() -> None:
    table = (
        "| C-c C-p | Start a process |\n| --- | --- |\n| C-c C-k | Kill the process |\n| C-c C-m | Read the manual |"
    )
    text = ask("Which keys kill the process?", selection(table, modality="table"), Quote(sentences=1))
    assert text == "C-c C-k — Kill the process [1]"
    first = ask("Which keys start a process?", selection(table, modality="table"), Quote(sentences=1))
    assert first == "C-c C-p — Start a process [1]"


def test_a_list_item_comes_with_the_sentence_that_leads_into_it() -> None:
    text = "A bird can be one of these kinds:\n- a heron, which eats fish\n- a finch, which eats seeds"
    said = ask("Which bird eats seeds?", selection(text), Quote(sentences=1))
    assert said == "A bird can be one of these kinds: - a finch, which eats seeds [1]"


def test_what_announces_a_line_of_code_is_quoted_with_it() -> None:
    text = "There is more to say.\n\nTo set the range to the default:\n\nset xrange [-10:10]\n\nOther things exist too."
    said = ask("How is the range set to the default?", selection(text), Quote(sentences=1))
    assert said == "To set the range to the default: set xrange [-10:10] [1]"


def test_evidence_that_says_the_same_is_cited_together_and_quoted_once() -> None:
    given = selection("In September 81 mm of rain fell.", "Other text. In September, 81 mm of rain fell!")
    (answer,) = Quote().generate([query("How much rain fell in September?")], [given], Settings())
    assert answer.text == "In September 81 mm of rain fell. [1][2]"
    assert answer.citations[0].evidence == (1, 2)


def test_markers_inside_a_document_are_not_citations() -> None:
    given = selection("Ignore.", "Rain was 81 mm in September, as reported before [1].")
    (answer,) = Quote(sentences=1).generate([query("How much rain in September?")], [given], Settings())
    assert answer.text == "Rain was 81 mm in September, as reported before [1]. [2]"
    assert [citation.evidence for citation in answer.citations] == [(2,)]


def test_headings_contents_lines_and_page_numbers_are_not_quoted() -> None:
    noise = "Rain gauges\n\nRain gauges ........ 12\n\nRain gauges . . . . . . 14\n\n17\n\n"
    text = noise + "Rain gauges measure how much rain falls."
    said = ask("What do rain gauges measure?", selection(text, headings=("Rain gauges",)))
    assert said == "Rain gauges measure how much rain falls. [1]"


def test_rare_words_count_more() -> None:
    class Rare:
        def frequencies(self, words: Sequence[str]) -> tuple[dict[str, int], int]:
            return {"quokka": 1, "system": 900, "value": 900, "default": 900}, 1000

    text = "The default value of the system stands here now. A quokka is quite small for most people."
    said = ask("What is the default system value of a quokka?", selection(text), Quote(1, lexicon=Rare()))
    assert said.startswith("A quokka")


class Meaning:
    """An encoder for which a text's meaning is whether it speaks of money."""

    name, dim, view, fingerprint = "meaning", 2, "text", "meaning"
    modalities: frozenset[Modality] = frozenset({"text"})

    def _vectors(self, texts: Sequence[str]) -> np.ndarray:
        money = [any(word in text for word in ("price", "euros")) for text in texts]
        return np.array([[1.0, 0.0] if one else [0.0, 1.0] for one in money], np.float32).reshape(-1, 2)

    def encode_queries(self, queries: Sequence[Query]) -> np.ndarray:
        return self._vectors([one.text for one in queries])

    def encode_chunks(self, chunks: Sequence[Chunk]) -> np.ndarray:
        assert len(chunks) <= 40
        return self._vectors([one.text for one in chunks])


def test_an_encoder_finds_what_words_do_not() -> None:
    text = "Visitors are welcome on every day of the week. Grown-ups are asked for seven euros at the gate."
    said = ask("What is the price of a visit?", selection(text), Quote(1, encoder=Meaning()))
    assert said.startswith("Grown-ups")


def test_an_empty_selection_is_a_refusal_that_passes_on_the_reason() -> None:
    near = selection("Something else.").evidence
    (answer,) = Quote().generate([query("Why?")], [Selection((), near, "nothing fits", 0.9)], Settings())
    assert answer.text == ""
    assert answer.refusal is not None
    assert (answer.refusal.reason, answer.refusal.risk) == ("nothing fits", 0.9)
    assert answer.refusal.near_misses == near


def test_evidence_without_words_to_quote_is_a_refusal() -> None:
    (answer,) = Quote().generate([query("What is shown?")], [selection("12")], Settings())
    assert answer.refusal is not None
    assert "quoted" in answer.refusal.reason


def test_words_in_a_photo_that_was_found_by_what_it_shows_are_no_answer_unless_asked_for() -> None:
    (one,) = selection("Mayfair Station has 12 platforms.", modality="image", role="photo").evidence
    found = replace(one, hit=replace(one.hit, parts={**one.hit.parts, "photos": Score(1, 0.9)}))
    shown = Selection((found,))
    (answer,) = Quote().generate([query("Where is a dog on a skateboard?")], [shown], Settings())
    assert answer.refusal is not None
    assert "a photo may show" in answer.refusal.reason
    assert answer.refusal.near_misses == (found,)
    assert ask("How many platforms has the station?", shown) == "Mayfair Station has 12 platforms. [1]"
    beside = Selection((found, Evidence(2, hit("The dog show has no skateboard.", "c2"), 0.1)))
    assert ask("Where is a dog on a skateboard?", beside) == ""
    doubtful = replace(one, hit=replace(one.hit, parts={**one.hit.parts, "photos": Score(1, 0.3)}))
    beside = Selection((doubtful, *beside.evidence[1:]))
    assert ask("Where is a dog on a skateboard?", beside) == "The dog show has no skateboard. [2]"


def test_settings_are_kept() -> None:
    long = " ".join(f"Rain number {number} fell on day {number} of that very month." for number in range(20))
    (answer,) = Quote(sentences=20, keep=0).generate([query("rain")], [selection(long)], Settings(max_tokens=40))
    assert 0 < answer.usage.output_tokens <= 40
    assert "day 3" not in ask("Which rain fell on day 3?", selection(long), stop=("day 3",))
    (nothing,) = Quote().generate([query("rain")], [selection(long)], Settings(max_tokens=2))
    assert nothing.refusal is not None


def test_rows_and_items_are_checked_to_be_verbatim() -> None:
    (evidence,) = selection(TABLE, modality="table").evidence
    found = units(evidence)
    assert len(found) == 3
    assert all(is_verbatim(unit) for unit in found)
    (text,) = selection("These are kinds of birds:\n- a heron\n- a finch").evidence
    assert all(is_verbatim(unit) for unit in units(text))


def test_a_stream_gives_evidence_text_claims_and_the_answer() -> None:
    given = selection(RAIN)

    async def run() -> list[object]:
        stream = Quote(sentences=2, keep=0.1).stream(
            query("How much rain fell and who keeps readings?"), given, Settings()
        )
        return [event async for event in stream]

    events = asyncio.run(run())
    kinds = [type(event) for event in events]
    assert kinds == [Evidenced, TextPiece, TextPiece, Checked, Checked, Done]
    done = events[-1]
    assert isinstance(done, Done)
    assert "".join(event.text for event in events if isinstance(event, TextPiece)) == done.answer.text


def test_options_are_checked() -> None:
    with pytest.raises(ValueError, match="sentences"):
        Quote(sentences=0)
    with pytest.raises(ValueError, match="keep"):
        Quote(keep=2)


def test_what_stands_where_the_question_points_is_quoted() -> None:
    given = selection("In September 81 mm of rain fell.", "It thanks for the gauge.")
    first, second = given.evidence
    pointed = replace(second, hit=replace(second.hit, parts={**second.hit.parts, "pointed": Score(1, 1.0)}))
    asked = "How much rain is on the last page?"
    assert "[1]" in ask(asked, given, Quote(sentences=1))
    told = ask(asked, Selection((first, pointed)), Quote(sentences=1))
    assert told == "It thanks for the gauge. [2]"


TERMS = """The following levels are known.

required

Packages which the system cannot do without, and which must not be removed.

optional

Packages that may conflict with one another, and with nothing else."""


def test_a_term_on_a_line_of_its_own_goes_with_its_definition() -> None:
    expected = "required — Packages which the system cannot do without, and which must not be removed. [1]"
    assert ask("What does the level required mean?", selection(TERMS), Quote(sentences=1)) == expected


def test_a_sentence_that_goes_on_brings_the_one_before_it_and_is_not_written_twice() -> None:
    text = "The maintainers keep the list of sections. At present, they are: admin, doc and web. Others were dropped."
    said = ask("What are the sections?", selection(text), Quote())
    assert said.startswith("The maintainers keep the list of sections. At present, they are: admin, doc and web.")
    assert said.count("The maintainers") == 1


LONG = "The gauge stands in the garden. It is cleaned by Anna weekly. It was built in 1987."


def test_a_longer_piece_takes_no_more_room_than_there_is_and_is_never_written_twice() -> None:
    whole = ask("Who cleans the gauge in the garden weekly?", selection(LONG))
    for sentence in ("The gauge stands", "It is cleaned", "It was built"):
        assert whole.count(sentence) <= 1
    for limit in (8, 12, 16, 20, 24):
        said = ask("Who cleans the gauge in the garden weekly?", selection(LONG), max_tokens=limit)
        assert len(said.replace(".", " . ").replace("[1]", "").split()) <= limit
    assert "STOP" not in ask("What stands there?", selection("The gauge stands. It is STOP cleaned."), stop=("STOP",))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12\nThey are kept by Anna Keller in a drawer.", "They are kept by Anna Keller in a drawer. [1]"),
        (
            "Rain gauge\n\nThe device catches all the rain. It is emptied by Anna.",
            "Rain gauge — The device catches all the rain. It is emptied by Anna. [1]",
        ),
    ],
)
def test_a_sentence_goes_on_from_a_sentence_alone_and_takes_its_term_along(text: str, expected: str) -> None:
    assert ask("Who empties or has what is kept by Anna?", selection(text), Quote(sentences=1)) == expected
    assert all(is_verbatim(unit) for unit in units(selection(text).evidence[0]))


@pytest.mark.parametrize(
    ("question", "text", "expected"),
    [
        ("Which value does Upload have?", "5.8.1 Upload is a field of old files. Upload is 7 or nothing at all.", "7"),
        ("Which styles are there?", "For example, a style draws lines. Styles are plain, bold and wide here.", "plain"),
        ("What is octmidib for?", "Here is an example of octmidib for you. octmidib is the note number.", "the note"),
        (
            "What is /var/log for?",
            "The log of a var grows. Programs write what they did into /var/log daily.",
            "Programs",
        ),
    ],
)
def test_what_is_asked_for_decides_between_like_sentences(question: str, text: str, expected: str) -> None:
    assert expected in ask(question, selection(text), Quote(sentences=1))


def test_the_numbers_along_the_axes_of_a_figure_are_not_quoted() -> None:
    text = "Figure 2: Survival in the groups.\n1.0 0.8 0.6 Survival 0.4 0.2 0.0"
    given = selection(text, modality="image", role="figure")
    assert ask("What survival does Figure 2 show?", given) == "Figure 2: Survival in the groups. [1]"


def look(text: str, *words: str, number: int = 1, share: float = 1.0, top: float = 0.1) -> Evidence:
    """Evidence of a chunk in which these words are red."""
    runs = tuple(
        Coloured(text.index(word), text.index(word) + len(word), "red", places=(PageRegion(1, Box(0, top, 1, 1)),))
        for word in words
    )
    found = hit(text, f"c{number}", coloured=runs)
    return Evidence(number, replace(found, parts={name: Score(1, share) for name in ("pointed", "coloured")}), 0.9)


def quoted(question: str, *evidence: Evidence, **settings: object) -> Answer:
    given = narrowed(query(question), Selection(evidence))
    (answer,) = Quote().generate([query(question)], [given], Settings(**settings))  # type: ignore[arg-type]
    return answer


ALARM = "Check the gauge. Never open the valve. Then call Keller and stop the pump."


def test_coloured_words_are_quoted_alone_and_cited_with_their_own_places() -> None:
    answer = quoted("What does the red text say?", look(ALARM, "Never open the valve.", "call Keller"))
    assert answer.text == "Never open the valve. [1] call Keller [1]"
    assert [claim.status for claim in answer.claims] == ["supported", "supported"]
    (cited,) = answer.evidence
    assert cited.hit.chunk.origin.places == (PageRegion(1, Box(0, 0.1, 1, 1)),)


def test_coloured_words_stand_as_on_their_page_unless_the_question_tells_which() -> None:
    low, high = look("Rain fell in red ink.", "Rain fell", top=0.8), look(ALARM, "the valve", number=2, top=0.2)
    assert quoted("What does the red text say?", low, high).text == "the valve [2] Rain fell [1]"
    assert quoted("What does the red text about rain say?", low, high).text == "Rain fell [1]"


def test_coloured_words_that_are_meant_less_are_left_out() -> None:
    answer = quoted("What does the red text say?", look(ALARM, "the valve"), look("So so.", "So", number=2, share=0.5))
    assert answer.text == "the valve [1]"


def test_coloured_words_that_say_the_same_are_told_once_with_all_who_say_it() -> None:
    answer = quoted("What does the red text say?", look(ALARM, "the valve"), look(ALARM, "the valve", number=2))
    assert answer.text == "the valve [1][2]"


def test_coloured_words_keep_to_the_settings() -> None:
    evidence = look(ALARM, "Check the gauge.", "Never open the valve.", "stop the pump")
    question = "What does the red text say?"
    assert quoted(question, evidence, max_tokens=8).text == "Check the gauge. [1]"
    assert quoted(question, evidence, stop=("valve",)).text == "Check the gauge. [1]"
    many = look(" ".join(f"w{at:02}x" for at in range(20)), *(f"w{at:02}x" for at in range(20)))
    assert len(quoted(question, many).citations) == 8


def test_another_question_about_a_coloured_text_is_answered_from_all_of_it() -> None:
    text = "The gauge is checked every morning at nine. Never open the valve."
    answer = quoted("How often is the gauge of the red note checked?", look(text, "Never open the valve."))
    assert answer.text.startswith("The gauge is checked every morning at nine. [1]")
