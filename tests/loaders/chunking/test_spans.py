"""Frames and speech of a span in one chunk."""

from __future__ import annotations

from collections.abc import Sequence

from rag.loaders.chunking.structure import Structure

from rag.document import Chunk, Element, Head, Media, Origin, Part, Source, TimeSpan

SOURCE = Source("talk.mp4", "video/mp4", "a" * 64, "/talk.mp4")


def media(name: str) -> Media:
    return Media("image/jpeg", name * 64, 10)


def frame(start: float, end: float, shows: str | None = "b", headings: tuple[str, ...] = (), text: str = "") -> Element:
    kept = media(shows) if shows else None
    origin = Origin(SOURCE, (TimeSpan(start, end),))
    return Element(f"f{start}", "image", "keyframe", origin, text, media=kept, headings=headings)


def said(start: float, end: float, text: str, headings: tuple[str, ...] = ()) -> Element:
    return Element(f"s{start}", "text", "speech", Origin(SOURCE, (TimeSpan(start, end),)), text, headings=headings)


def chunks(*parts: Sequence[Element], target: int = 200, maximum: int = 0) -> list[Chunk]:
    head = Head("A talk")
    given = [Part(number, head, tuple(elements), source=SOURCE) for number, elements in enumerate(parts)]
    return list(Structure(target=target, maximum=maximum)(given))


def span(chunk: Chunk) -> tuple[float, float]:
    (place,) = chunk.origin.places
    if not isinstance(place, TimeSpan):
        raise TypeError(place)
    return place.start, place.end


def test_a_frame_with_what_is_said() -> None:
    found = chunks([
        frame(0, 6, "b"), said(0.5, 2, "The pump starts."), said(2, 5, "It is loud."),
        frame(6, 12, "c"), said(6.5, 12.5, "The tank fills."),
    ])  # fmt: skip
    assert [(one.text, span(one), one.modality, one.role) for one in found] == [
        ("The pump starts. It is loud.", (0, 6), "video", "speech"),
        ("The tank fills.", (6, 12.5), "video", "speech"),
    ]
    assert [one.media for one in found] == [media("b"), media("c")]
    assert {one.title for one in found} == {"A talk"}
    assert [view.name for view in found[0].views] == ["text", "contextual", "pixels"]


def test_silent_frames_are_pictures_and_one_while_nothing_changes() -> None:
    found = chunks([frame(0, 30), frame(30, 60), frame(60, 70, "c"), frame(70, 80, None)])
    assert [(one.modality, one.role, span(one), one.text) for one in found] == [
        ("image", "keyframe", (0, 60), ""),
        ("image", "keyframe", (60, 70), ""),
    ]


def test_long_speech_is_cut_with_times_of_its_own() -> None:
    cues = [said(at, at + 1, f"Sentence number {at} has six words.") for at in range(20)]
    found = chunks([frame(0, 30), *cues], maximum=40)
    assert len(found) > 2
    assert " ".join(one.text for one in found) == " ".join(cue.text for cue in cues)
    assert [span(one)[0] for one in found] == sorted(span(one)[0] for one in found)
    assert all(one.tokens <= 40 and one.media == media("b") for one in found)
    assert span(found[0])[1] <= span(found[1])[0]


def test_one_cue_longer_than_the_limit() -> None:
    text = " ".join(f"This is sentence {at} of many." for at in range(40))
    found = chunks([frame(0, 30), said(1, 29, text)], maximum=50)
    assert len(found) > 4
    assert " ".join(one.text for one in found) == text
    assert {span(one) for one in found} == {(1, 29)}
    assert {one.parent for one in found} == {"s1"}


def test_speech_without_a_picture_is_audio_up_to_the_target() -> None:
    cues = [said(at, at + 1, f"Sentence number {at} has six words.") for at in range(30)]
    found = chunks(cues[:15], cues[15:], target=30)
    assert {one.modality for one in found} == {"audio"}
    assert {one.media for one in found} == {None}
    assert all(15 <= one.tokens <= 30 for one in found[:-1])
    assert " ".join(one.text for one in found) == " ".join(cue.text for cue in cues)


def test_chapters_part_speech() -> None:
    found = chunks([said(0, 1, "One.", ("Intro",)), said(1, 2, "Two.", ("Outlook",))])
    assert [(one.text, one.headings) for one in found] == [("One.", ("Intro",)), ("Two.", ("Outlook",))]


def test_what_stands_before_the_recording_comes_first() -> None:
    about = Element("p", "text", "paragraph", Origin(SOURCE, (TimeSpan(0, 12),)), "A tour of the plant.")
    found = chunks([about, frame(0, 6), said(1, 2, "The pump starts."), frame(6, 12, "c")], [frame(12, 20, "d")])
    assert [one.text for one in found] == ["A tour of the plant.", "The pump starts.", "", ""]
    assert [span(one) for one in found] == [(0, 12), (0, 6), (6, 12), (12, 20)]


def test_what_is_written_on_a_frame_stands_before_what_is_said() -> None:
    found = chunks([frame(0, 6, text="Pump curves\n2024"), said(1, 2, "The pump starts."), said(3, 4, "It stops.")])
    assert [(one.text, one.modality, span(one)) for one in found] == [
        ("Pump curves\n2024\nThe pump starts. It stops.", "video", (0, 6))
    ]
    assert found[0].media == media("b")


def test_a_full_slide_is_a_chunk_of_its_own() -> None:
    slide = " ".join(f"Point {at} of the slide." for at in range(40))
    found = chunks([frame(0, 6, text=slide), said(1, 2, "The pump starts."), frame(6, 9, "c", text="Next")], maximum=64)
    assert [one.modality for one in found] == ["image"] * (len(found) - 2) + ["video", "image"]
    assert " ".join(one.text for one in found[:-2]) == slide
    assert all(one.media == media("b") and one.role == "keyframe" for one in found[:-2])
    assert [one.text for one in found[-2:]] == ["The pump starts.", "Next"]


def test_a_silent_slide_that_stays_is_one_chunk() -> None:
    found = chunks([frame(0, 6, text="Pump curves"), frame(6, 12)], [frame(12, 18, "c", text="Valves")])
    assert [(one.text, span(one)) for one in found] == [("Pump curves", (0, 12)), ("Valves", (12, 18))]


def test_words_on_a_frame_that_is_not_kept() -> None:
    found = chunks([frame(0, 6, None, text="Pump curves"), frame(6, 12, None)])
    assert [(one.text, one.modality) for one in found] == [("Pump curves", "image")]


def test_chunks_belong_to_the_parts_pulled_so_far() -> None:
    elements = [[frame(at, at + 6, str(at // 6)), said(at + 1, at + 2, f"At {at}.")] for at in range(0, 30, 6)]
    whole = chunks(*elements)
    assert [one.text for one in whole] == [f"At {at}." for at in range(0, 30, 6)]
    pulled: list[int] = []
    counted: list[int] = []

    def parts() -> Sequence[Part]:
        for number, one in enumerate(elements):
            pulled.append(number)
            yield Part(number, Head("A talk"), tuple(one), source=SOURCE)  # type: ignore[misc]

    for _ in Structure()(parts()):
        counted.append(len(pulled))
    assert counted == [2, 3, 4, 5, 5]
