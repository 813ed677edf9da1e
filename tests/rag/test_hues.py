"""Questions that point at text by its look, and the many that only have a colour in them."""

from __future__ import annotations

import pytest

from rag.document import Coloured
from rag.hues import Hued, hued

POINTING = [
    # letters, as questions of readers name them
    ("What does the red text say?", "red", True),
    ("What does the red text on page 2 say?", "red", True),
    ("what does the text in red say", "red", True),
    ("The sentence in blue on page 3", "blue", True),
    ("What is written in red?", "red", True),
    ("What's written in red on slide 4?", "red", True),
    ("What is printed in green on the cover?", "green", True),
    ("the heading in green", "green heading", True),
    ("What is the green heading on page 5 of the report?", "green heading", True),
    ("Which words are in red?", "red", True),
    ("Which sentence is shown in blue?", "blue", True),
    ("Which words on the first slide are written in orange?", "orange", True),
    ("Quote the red warning.", "red", True),
    ("What does the red warning in the manual say?", "red", True),
    ("Repeat the sentence that is printed in purple.", "purple", True),
    ("What does the small red text at the bottom of the page say?", "red", True),
    ("Read me the bold blue heading.", "blue heading", True),
    ("What does the dark red note on page 12 say?", "red", True),
    ("what is the title in light blue", "blue heading", True),
    ("What does the grey text under the chart say?", "grey", True),
    ("What does the gray caption say?", "grey", True),
    ("List all the words in pink.", "pink", True),
    ("Which terms appear in brown?", "brown", True),
    ("Which names are marked in green?", "green", True),
    ("Show the text coloured red.", "red", True),
    ("Give the numbers printed in red in the table.", "red", True),
    ("What are the numbers in red on the chart?", "red", True),
    ("What is stated in red letters on the first page?", "red", True),
    ("How much is the fee that is given in red text?", "red", False),
    ("How many days does the red text give?", "red", False),
    ("Who is named in the blue sentence on page 7?", "blue", False),
    ("What deadline does the red note give?", "red", False),
    ("What does the red or orange text say?", "red orange", True),
    ("What does the white text on a red background say?", "white on red", True),
    ("What is written in white on the blue banner?", "white on blue", True),
    ("What does the teal text say?", "green blue", True),
    ("What do the red letters on the poster spell, and what do they say?", "red", True),
    ("What does the red-coloured text say?", "red", True),
    ("What does the text in the colour red say?", "red", True),
    ("What does the instruction in bright red say?", "red", True),
    ("Which bullet points are in blue?", "blue", True),
    ("What does the yellow headline on slide 9 say?", "yellow heading", True),
    ("In the annual report, what does the red text on page 5 say?", "red", True),
    ("Please tell me what the red text says.", "red", True),
    ("WHAT DOES THE RED TEXT SAY?", "red", True),
    ("Red text on page 5?", "red", True),
    ("What is in red on page 3?", "red", True),
    ("What is the only sentence in red?", "red", True),
    ("Find every passage in violet.", "purple pink", True),
    ("What does the disclaimer in grey say?", "grey", True),
    ("Which answers are given in green?", "green", True),
    ("Which headings are blue on page 6?", "blue heading", True),
    ("Which words on the slide are red?", "red", True),
    ("What is typed in blue ink?", "blue", True),
    ("What does the message in magenta letters say?", "purple pink", True),
    # grounds
    ("What does the text in the red box say?", "on red", True),
    ("What does the text on a yellow background say?", "on yellow", True),
    ("What is written on the green bar?", "on green", True),
    ("What does the blue box on page 2 say?", "on blue", True),
    ("What does the orange banner at the top of the page say?", "on orange", True),
    ("Which words are in a purple box?", "on purple", True),
    ("What does the sentence with a yellow background say?", "on yellow", True),
    ("What is the number in the green cell?", "on green", True),
    # marks
    ("What is the highlighted sentence?", "highlighted", True),
    ("What does the highlighted text say?", "highlighted", True),
    ("What is highlighted in yellow?", "on yellow highlighted", True),
    ("Which sentence is highlighted in green on page 2?", "on green highlighted", True),
    ("What does the yellow-highlighted passage say?", "on yellow highlighted", True),
    ("What is highlighted on page 3?", "highlighted", True),
    ("Which words are highlighted?", "highlighted", True),
    ("the part highlighted with a pink marker", "on pink highlighted", True),
    ("What are the highlighted rows of the table?", "highlighted", True),
    ("What does the underlined text say?", "underlined", True),
    ("Which words are underlined?", "underlined", True),
    ("What is underlined on page 1?", "underlined", True),
    ("Which sentence is crossed out?", "struck out", True),
    ("What does the struck-out text say?", "struck out", True),
    ("Quote the underlined sentence in the contract.", "underlined", True),
]  # fmt: skip

NOT_POINTING = [
    # names
    "What does the Red Cross say?", "When was the Red Cross founded?", "Who wrote the Green Book?",
    "What are blue whales?", "How long do blue whales live?", "Who is James Brown?", "What did Mr. Green note in 1990?",
    "Mr. Green notes that prices fell; when?", "mr green notes that prices fell; when?", "What is the White House?",
    "What did the White House statement announce?", "Where is the Blue Ridge?", "What is written in Red Square?",
    "Who plays for Blue Note Records?", "What is the Yellow Pages?", "What are the terms of the Orange contract?",
    "What is the text of the Brown v. Board decision?", "Which text is about the Red Sea?",
    "What does the note about the Black Sea say?", "Which words did Redford say?",
    # things and kinds
    "What is green energy?", "How is green energy stored?", "What does the white paper say?",
    "What does the white paper on climate say?", "the red wine", "Which red wine is served?", "What is a green card?",
    "What does the green card cost?", "What is orange juice made of?", "How many red blood cells are there?",
    "What is the number of white blood cells?", "What does brown rice contain?", "the text on red wine",
    "Which notes mention green tea?", "What is said in green tea research?", "What do black holes emit?",
    "What is a red list species?", "When does the red warning light come on?", "What does the red warning lamp mean?",
    "What does the yellow warning triangle mean?", "What does a green light indicate?", "Where is the red button?",
    "Press the green button: what happens?", "What does the blue cable connect to?", "Which wire is red?",
    "Is the company in the red?", "How many companies are in the red?", "What is a blue chip?",
    "How do I send red text messages?", "Which word processor has a blue text box?",
    # drawings and photos
    "the red line in the chart", "What does the red line in the chart show?", "the blue box in the figure",
    "What does the blue box in the figure stand for?", "What does the green bar represent in the bar chart?",
    "Which countries are shown in blue on the map?", "Which region is marked in red on the map?",
    "What is the red dot on the map?", "What does the orange curve show?", "What share does the yellow slice have?",
    "What is shown in red in the chart?", "Which states are highlighted in green on the map?",
    "What is the object in blue in the picture?", "Who wears the red shirt in the photo?",
    "How many red logos are on page 10?", "If I drop the green module shown in Figure 6, what is the drop?",
    "Repeat the instructions corresponding to the settings shown in red box of Figure 3 (left).",
    "What colour is the car in the photo?", "the arrow in red",
    # about colours, and about what is highlighted in another sense
    "What does blue text mean in this manual?", "What do red numbers indicate?", "Which colour is the heading?",
    "Why is the text not black?", "What does the black text say?", "Which issues were highlighted by the audit?",
    "What challenges are highlighted in the conclusion?", "What findings does the report highlight?",
    "What does the report underline?", "How is red defined in RGB?", "What is the wavelength of blue?",
    "Which sentences about blue whales are true?",
    "How do I set the text colour?", "What does the text say about red?", "What does the section on colours say?",
    "Which paints are available in green?", "Is the car available in red?", "How do I write in cursive?",
]  # fmt: skip


def told(found: tuple[int, Hued] | None) -> str:
    """What was found, as the tables above write it."""
    if found is None:
        return ""
    _, one = found
    grounds = ["on", *one.grounds] if one.grounds else []
    heading = ["heading"] if one.heading else []
    return " ".join([*one.letters, *grounds, *([one.mark] if one.mark else []), *heading])


@pytest.mark.parametrize(("question", "meant", "says"), POINTING)
def test_text_of_a_look_is_pointed_at(question: str, meant: str, says: bool) -> None:
    found = hued(question)
    assert sorted(told(found).split()) == sorted(meant.split())
    assert found
    assert found[1].says is says


@pytest.mark.parametrize("question", NOT_POINTING)
def test_a_colour_in_a_question_is_not_enough(question: str) -> None:
    assert hued(question) is None


@pytest.mark.parametrize("question", [question for question, *_ in POINTING])
def test_other_words_around_do_not_change_what_is_meant(question: str) -> None:
    bare = hued(question)
    asked = hued(f"In the handbook of the plant, {question[0].lower()}{question[1:]}")
    assert bare
    assert asked
    assert (asked[1].looks, asked[1].heading) == (bare[1].looks, bare[1].heading)


def test_how_well_a_text_is_meant() -> None:
    red = Hued(letters=("red",))
    assert red.fits(Coloured(0, 4, "red")) == 1.0
    assert red.fits(Coloured(0, 4, "white", "red")) == 0.5
    assert red.fits(Coloured(0, 4, "blue")) == 0.0
    both = Hued(("white",), ("red",))
    assert both.fits(Coloured(0, 4, "white", "red")) == 1.0
    assert both.fits(Coloured(0, 4, "white", "blue")) == 0.0
    marked = Hued(grounds=("yellow",), mark="highlighted")
    assert marked.fits(Coloured(0, 4, "", "yellow", "highlighted")) == 1.0
    assert marked.fits(Coloured(0, 4, "", "yellow")) == 0.8
    assert marked.fits(Coloured(0, 4, "", "", "underlined")) == 0.0
    heading = Hued(("green",), heading=True)
    assert heading.fits(Coloured(0, 4, "green", heading=0)) == 1.0
    assert heading.fits(Coloured(0, 4, "green"), "heading") == 1.0
    assert heading.fits(Coloured(0, 4, "green")) == 0.7


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("What does the red text say?", "What does the ?"),
        ("What does the red warning about the valve say?", "What does the the valve ?"),
        ("What does the red text on page 5 of the annual report say?", "What does the ?"),
        ("In the manual, what is highlighted in yellow on the first page?", "In the manual, what is ?"),
    ],
)
def test_what_else_a_question_is_about(question: str, rest: str) -> None:
    found = hued(question)
    assert found
    assert found[1].rest == rest
