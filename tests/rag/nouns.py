"""Hypothesis strategies for the nouns."""

from __future__ import annotations

from hypothesis import strategies as st

from rag.answer import (
    Answer,
    Citation,
    Claim,
    Evidence,
    Hit,
    Query,
    Refusal,
    Score,
    Turn,
    Usage,
)
from rag.document import (
    Box,
    Cell,
    CellRange,
    CharSpan,
    Chunk,
    Coloured,
    Element,
    Head,
    Link,
    MarkupPath,
    Media,
    Mention,
    Notice,
    Origin,
    Page,
    PageRegion,
    Part,
    Source,
    TimeSpan,
    View,
    labels,
)
from rag.filters import And, Eq, Glob, In, Not, Or, Range

texts = st.text(st.characters(codec="utf-8"), max_size=12)
numbers = st.floats(allow_nan=False, allow_infinity=False, width=32)
counts = st.integers(0, 10**6)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
modalities = st.sampled_from(["text", "table", "image", "audio", "video"])
roles = st.sampled_from(["paragraph", "heading", "table", "figure", "page", "photo", "hidden"])
label_values = st.one_of(texts, counts, numbers, st.booleans())
label_pairs = st.dictionaries(texts, label_values, max_size=3).map(labels)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    sides = st.floats(0, 1)
    left, right = sorted([draw(sides), draw(sides)])
    top, bottom = sorted([draw(sides), draw(sides)])
    return Box(left, top, right, bottom)


sources = st.builds(Source, uri=texts, media_type=texts, digest=digests, path=texts)
places = st.one_of(
    st.builds(PageRegion, page=counts, box=boxes()),
    st.builds(MarkupPath, path=texts),
    st.builds(CellRange, sheet=texts, range=st.just("A1:B2")),
    st.builds(TimeSpan, start=numbers, end=numbers),
    st.builds(CharSpan, start=counts, end=counts),
)
origins = st.builds(Origin, source=sources, places=st.lists(places, min_size=1, max_size=3).map(tuple))
media = st.builds(Media, media_type=texts, digest=digests, size=counts)
headings = st.lists(texts, max_size=3).map(tuple)
coloured = st.builds(
    Coloured, start=counts, end=counts, letters=texts, ground=texts, mark=st.sampled_from(["", "underlined"]),
    places=st.lists(places, max_size=2).map(tuple), heading=st.integers(-1, 3),
)  # fmt: skip
elements = st.builds(
    Element,
    id=texts, modality=modalities, role=roles, origin=origins, text=texts, caption=texts,
    media=st.none() | media, headings=headings, level=counts,
    cells=st.lists(
        st.builds(Cell, row=counts, column=counts, text=texts, rows=counts, columns=counts, header=st.booleans()),
        max_size=2,
    ).map(tuple),
    label=texts, width=counts, height=counts,
    mentions=st.lists(st.builds(Mention, text=texts, place=places), max_size=2).map(tuple),
    links=st.lists(st.builds(Link, start=counts, end=counts, target=texts), max_size=2).map(tuple),
    coloured=st.lists(coloured, max_size=2).map(tuple),
)  # fmt: skip
parts = st.builds(
    Part,
    number=counts,
    head=st.builds(Head, title=texts, pages=counts, language=texts, metadata=label_pairs),
    elements=st.lists(elements, max_size=2).map(tuple),
    pages=st.lists(st.builds(Page, number=counts, label=texts, width=numbers, height=numbers), max_size=2).map(tuple),
    warnings=st.lists(st.builds(Notice, message=texts, place=st.none() | places), max_size=2).map(tuple),
    source=st.none() | sources,
)
chunks = st.builds(
    Chunk,
    id=texts, modality=modalities, origin=origins, text=texts, role=roles, title=texts,
    media=st.none() | media, headings=headings, labels=label_pairs, parent=texts, tokens=counts,
    mentions=st.lists(st.builds(Mention, text=texts, place=places), max_size=2).map(tuple),
    views=st.lists(st.builds(View, name=texts, digest=digests), max_size=2).map(tuple),
    coloured=st.lists(coloured, max_size=2).map(tuple),
)  # fmt: skip

fields = st.sampled_from(["source", "title", "modality", "page", "role", "label.team", "label.a.b-c"])
filters = st.recursive(
    st.one_of(
        st.builds(Eq, field=fields, value=label_values),
        st.builds(In, field=fields, values=st.lists(label_values, max_size=3).map(tuple)),
        st.builds(Range, field=fields, low=st.none() | numbers, high=st.none() | numbers),
        st.builds(Glob, field=fields, pattern=texts),
    ),
    lambda inner: st.one_of(
        st.builds(And, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, filters=st.lists(inner, max_size=3).map(tuple)),
        st.builds(Not, filter=inner),
    ),
    max_leaves=6,
)
queries = st.builds(
    Query,
    parts=st.lists(texts | media, max_size=3).map(tuple),
    minus=headings,
    where=st.none() | filters,
    instruction=texts,
    history=st.lists(st.builds(Turn, role=st.sampled_from(["user", "assistant"]), text=texts), max_size=2).map(tuple),
)
hits = st.builds(
    Hit,
    chunk=chunks,
    score=numbers,
    by=texts,
    parts=st.dictionaries(texts, st.builds(Score, rank=counts, score=numbers), max_size=2),
)
evidence = st.builds(Evidence, number=counts, hit=hits, relevance=numbers)
few_numbers = st.lists(counts, max_size=3).map(tuple)
answers = st.builds(
    Answer,
    text=texts,
    evidence=st.lists(evidence, max_size=2).map(tuple),
    citations=st.lists(st.builds(Citation, start=counts, end=counts, evidence=few_numbers), max_size=2).map(tuple),
    claims=st.lists(
        st.builds(
            Claim, start=counts, end=counts, support=few_numbers,
            status=st.sampled_from(["supported", "partial", "contradicted", "unsupported", "computed"]),
        ),
        max_size=2,
    ).map(tuple),
    refusal=st.none()
    | st.builds(
        Refusal, reason=texts, risk=st.none() | numbers, near_misses=st.lists(evidence, max_size=1).map(tuple)
    ),
    usage=st.builds(Usage, input_tokens=counts, output_tokens=counts, images=counts, calls=counts),
    trace=st.dictionaries(texts, numbers, max_size=2),
)  # fmt: skip
