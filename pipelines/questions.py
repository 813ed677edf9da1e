"""Questions made from a corpus' own documents, by rules: no model, no wording of anyone's.

Headings, captions, references to figures, cells of tables and sentences become questions whose place is
known, since they were made from it. They ask more plainly than people do and share more words with their
place, so what is fitted on them is to be checked on questions of people where there are some.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Literal

from rag.document import Chunk, MarkupPath, PageRegion, TimeSpan
from rag.overlap import is_listing
from rag.sentences import sentences
from rag.words import ENGLISH_STOPWORDS, words

if TYPE_CHECKING:
    from rag.corpus import Corpus

Kind = Literal["heading", "sentence", "keywords", "cell", "caption", "reference"]
KINDS: tuple[Kind, ...] = ("heading", "sentence", "keywords", "cell", "caption", "reference")
SHARES = {"heading": 0.2, "sentence": 0.3, "keywords": 0.2, "cell": 0.15, "caption": 0.1, "reference": 0.05}
"""Of the questions asked for; what a corpus has too little of falls to the others."""
MOST_CHUNK = 8_000
MANY = 4
"""Documents whose questions have a word in common, from which it counts as one of many."""
_FIGURE = re.compile(
    r"^\s*(?:fig(?:ure|\.)?|table|example|listing)\s*(?P<number>[\dA-Z]+(?:[.\-]\d+)*)\s*[.:–—-]*\s*(?P<rest>.+)", re.I
)
_REFERRED = re.compile(r"\b(?P<what>figure|table|example)\s+(?P<number>\d+(?:[.\-]\d+)*)\b", re.I)
_DEFINES = re.compile(
    r"^(?P<what>(?:the |an? )?(?:[\w\-./+]+ ){0,5}[\w\-./+]+) "
    r"(?P<verb>is|are|returns|specifies|controls|contains|determines|means|provides|uses|allows|sets|creates|shows|"
    r"defines|represents|describes|reads|writes|prints|displays|enables|disables|requires|includes) (?P<rest>.{12,})$",
    re.I,
)
_CONDITION = re.compile(r"^(?P<what>(?:if|when)\s[^,]{12,90}),\s(?P<rest>.{12,})$", re.I)
_BECAUSE = re.compile(r"^(?P<what>.{12,110}?),? because (?P<rest>.{10,})$")
_ALIKE = {
    "returns": "give back", "specifies": "say", "controls": "govern", "contains": "hold", "determines": "decide",
    "provides": "offer", "uses": "rely on", "allows": "permit", "sets": "change", "creates": "make",
    "shows": "display", "defines": "lay down", "represents": "stand for", "describes": "explain",
    "reads": "take in", "writes": "put out", "prints": "output", "displays": "show", "enables": "turn on",
    "disables": "turn off", "requires": "need", "includes": "comprise", "means": "mean",
}  # fmt: skip
_OPENING = re.compile(
    r"^(?:however|therefore|also|thus|moreover|in addition|for example|note that|otherwise),?\s+", re.I
)
_LEADING = frozenset(
    "if when in by for at on to from with as and or but while because since after before there".split()
)
_WEAK = frozenset("this that these those it they there he she we you i one such each which what".split())


@dataclass(frozen=True, slots=True)
class Made:
    """A question with the chunks that hold its answer, all of one document; any one of them will do."""

    id: str
    text: str
    kind: Kind
    answer: str
    digest: str
    """Of the document."""
    chunks: tuple[str, ...]


def made(corpus: Corpus, count: int, *, seed: int = 0) -> list[Made]:
    """About `count` questions over all kinds and documents that the corpus has, the same for the same corpus.

    Which ones are taken follows from the hash of their text and `seed`, evenly over documents.
    """
    found: dict[str, dict[str, list[Made]]] = {kind: {} for kind in KINDS}
    whole = list(chunks(corpus))
    common = Counter(chunk.headings[-1].casefold() for chunk in whole if chunk.headings)
    for one in _all(whole, common):
        found[one.kind].setdefault(one.digest, []).append(one)
    order = _order(seed)
    queues = {kind: list(_spread([sorted(row, key=order) for row in found[kind].values()], order)) for kind in KINDS}
    taken: list[Made] = []
    for kind in KINDS:
        wanted = round(count * SHARES[kind])
        taken += queues[kind][:wanted]
        queues[kind] = queues[kind][wanted:]
    rest = sorted((one for queue in queues.values() for one in queue), key=order)
    taken += rest[: max(0, count - len(taken))]
    return sorted(_loosened(taken[:count]), key=lambda one: one.id)


def _loosened(asked: Sequence[Made]) -> list[Made]:
    """Some as they are, some with a few of their words left out, some with words of others, some both: a quarter each.

    People do not ask in the words of the page: they leave out some and bring others. The others are words
    that many questions of the corpus have, so that they lead nowhere in particular.
    """
    documents: dict[str, set[str]] = {}
    for one in asked:
        for word in words(one.text):
            if word not in ENGLISH_STOPWORDS and word.isalpha() and len(word) > 3:
                documents.setdefault(word, set()).add(one.digest)
    common = sorted(word for word, where in documents.items() if len(where) >= MANY)
    return [_loose(one, common) for one in asked]


def _loose(one: Made, common: Sequence[str]) -> Made:
    hashed = int(sha256(f"loose {one.id}".encode()).hexdigest()[:12], 16)
    text = one.text
    if hashed & 1:
        text = _thinned(text)
    if hashed & 2 and common:
        first, second = (common[(hashed >> shift) % len(common)] for shift in (4, 20))
        text = (f"{text} {first} {second}", f"As to {first} {second}: {text}")[(hashed >> 2) & 1]
    return replace(one, text=text)


def _thinned(text: str) -> str:
    """Without a third of its words that say something; those that matter to the letter (numbers, codes) stay."""
    parts = text.split()
    plain = [
        at
        for at, part in enumerate(parts)
        if part.strip("?.,:;").isalpha() and part.casefold() not in ENGLISH_STOPWORDS
    ]
    order = sorted(plain, key=lambda at: sha256(f"{text} {at}".encode()).hexdigest())
    gone = set(order[: len(plain) // 3])
    end = "?" if text.endswith("?") else ""
    return " ".join(part for at, part in enumerate(parts) if at not in gone).rstrip("?") + end


def chunks(corpus: Corpus) -> Iterator[Chunk]:
    """Those with words of their own, in the order they were added."""
    ids = [id for _, id in corpus.store.catalog.live_ids()]
    for start in range(0, len(ids), 500):
        batch = ids[start : start + 500]
        known = corpus.store.catalog.chunks(batch)
        for id in batch:
            chunk = known.get(id)
            if chunk and chunk.role != "page" and chunk.text.strip() and not is_listing(chunk.text[:MOST_CHUNK]):
                yield chunk


def line(one: Made, chunk: Chunk, doc: str) -> dict[str, Any]:
    """The question as `rag evaluate` reads it; `chunk` is the first of its chunks."""
    told: dict[str, Any] = {
        "id": one.id,
        "question": one.text,
        "answers": [one.answer],
        "doc": doc,
        "kinds": [one.kind],
    }
    pages = sorted({place.page for place in chunk.origin.places if isinstance(place, PageRegion)})
    span = next((place for place in chunk.origin.places if isinstance(place, TimeSpan)), None)
    path = next((place for place in chunk.origin.places if isinstance(place, MarkupPath)), None)
    if pages:
        told["pages"] = pages
    elif span:
        told |= {"start": span.start, "end": span.end}
    elif path:
        told["path"] = path.path
    else:
        told["block_text"] = chunk.text[:400]
    return told


def lines(corpus: Corpus, questions: Sequence[Made]) -> Iterator[str]:
    """A JSON line each."""
    known = corpus.store.catalog.chunks([one.chunks[0] for one in questions])
    for one in questions:
        if chunk := known.get(one.chunks[0]):
            yield json.dumps(line(one, chunk, chunk.origin.source.uri), ensure_ascii=False)


def _all(whole: Sequence[Chunk], common: Counter[str]) -> Iterator[Made]:
    holders: dict[tuple[str, str], list[Chunk]] = {}
    for chunk in whole:
        if chunk.headings:
            holders.setdefault((chunk.origin.source.digest, chunk.headings[-1]), []).append(chunk)
    texts: dict[str, list[Chunk]] = {}
    for chunk in whole:
        if chunk.modality == "text":
            texts.setdefault(chunk.origin.source.digest, []).append(chunk)
    seen: set[str] = set()
    for chunk in whole:
        beside = texts.get(chunk.origin.source.digest, [])
        under = holders.get((chunk.origin.source.digest, chunk.headings[-1]), []) if chunk.headings else []
        for one in (*_headings(chunk, under, common), *_cells(chunk), *_captions(chunk, beside), *_sentences(chunk)):
            folded = " ".join(words(one.text))
            if folded not in seen:
                seen.add(folded)
                yield one


def _one(text: str, kind: Kind, answer: str, holders: Iterable[Chunk]) -> Made:
    kept = list(holders)
    digest = kept[0].origin.source.digest
    id = f"{kind}-{sha256(f'{digest} {text}'.encode()).hexdigest()[:12]}"
    return Made(id, text, kind, answer, digest, tuple(one.id for one in kept))


def _headings(chunk: Chunk, under: Sequence[Chunk], common: Counter[str]) -> Iterator[Made]:
    """One for each heading that names something and is the only one of its name."""
    if not under or under[0] is not chunk:
        return
    name = re.sub(r"^(?:[A-Z]?[\d.]+\s|[§\s])+", "", chunk.headings[-1]).strip(" .:")
    content = [word for word in words(name) if word not in ENGLISH_STOPWORDS]
    if not 2 <= len(content) <= 9 or common[chunk.headings[-1].casefold()] > len(under):
        return
    templates = (
        "What is said about {}?",
        "How does one go about {}?",
        "{}",
        "Where is {} explained?",
        "What should one know of {}?",
    )
    yield _one(_picked(name, templates).format(name), "heading", name, under)


def _cells(chunk: Chunk) -> Iterator[Made]:
    """The cell of a row whose first cell names it, under a column that has a name."""
    if chunk.modality != "table":
        return
    rows = [_split(row) for row in chunk.text[:MOST_CHUNK].splitlines() if row.startswith("|")]
    rows = [row for row in rows if not all(set(cell) <= set("-: ") for cell in row)]
    if len(rows) < 2:
        return
    head = rows[0]
    for row in rows[1:]:
        for column, cell in list(enumerate(row))[1:]:
            if (
                column < len(head)
                and 1 < len(row[0]) <= 60
                and 1 < len(head[column]) <= 40
                and 1 <= len(cell) <= 200
                and cell != row[0]
            ):
                templates = (
                    "What is the {column} of {row}?",
                    "{row}: which {column}?",
                    "Which {column} does {row} have?",
                )
                yield _one(
                    _picked(row[0] + cell, templates).format(column=head[column], row=row[0]), "cell", cell, [chunk]
                )
                break


def _captions(chunk: Chunk, beside: Sequence[Chunk]) -> Iterator[Made]:
    """What a captioned figure shows, and what the figure of a number is."""
    if chunk.modality not in ("image", "table", "video"):
        return
    found = _FIGURE.match(chunk.text.strip().partition("\n")[0][:300])
    if not found or len(words(found["rest"])) < 3:
        return
    said = found["rest"].strip(" .")
    kind = "table" if chunk.modality == "table" else "figure"
    yield _one(
        _picked(said, (f"Which {kind} shows {{}}?", f"Is there a {kind} of {{}}?", "{}")).format(said),
        "caption",
        said,
        [chunk],
    )
    number = f"{kind} {found['number']}".casefold()
    for other in beside:
        for start, end in sentences(other.text[:MOST_CHUNK]):
            sentence = other.text[start:end]
            if (
                any(found[0].casefold() == number for found in _REFERRED.finditer(sentence))
                and 6 <= len(words(sentence)) <= 40
            ):
                asked = _REFERRED.sub("", sentence).strip(" .()")
                yield _one(f"Which {kind} is meant: {asked}?", "reference", said, [chunk, other])
                return


def _sentences(chunk: Chunk) -> Iterator[Made]:
    """Sentences that define, bind to a condition or give a reason, turned round; and the rarest words of others."""
    if chunk.modality != "text" or chunk.role in ("code", "heading", "header", "footer", "hidden"):
        return
    for start, end in sentences(chunk.text[:MOST_CHUNK]):
        sentence = " ".join(chunk.text[start:end].split())
        cut = words(sentence)
        if not 8 <= len(cut) <= 45 or "|" in sentence or cut[0] in _WEAK:
            continue
        if text := _turned(sentence):
            yield _one(text, "sentence", sentence, [chunk])
        content = [word for word in dict.fromkeys(cut) if word not in ENGLISH_STOPWORDS and len(word) > 3]
        if len(content) >= 6:
            hashed = sorted(content, key=lambda word: sha256(f"{sentence} {word}".encode()).hexdigest())
            kept = [word for word in content if word in hashed[: 3 + len(content) // 4]]
            yield _one(" ".join(kept), "keywords", sentence, [chunk])


def _turned(sentence: str) -> str:
    """A question that the sentence answers, its verb another one; "" where no rule fits."""
    bare = _OPENING.sub("", sentence).rstrip(".;: ")
    if found := _CONDITION.match(bare):
        return f"What happens {_lower(found['what'])}?"
    if found := _BECAUSE.match(bare):
        return f"Why is it that {_lower(found['what'])}?"
    if found := _DEFINES.match(bare):
        what, verb = found["what"], found["verb"].casefold()
        content = [word for word in words(what) if word not in ENGLISH_STOPWORDS]
        named = any(not word.isalpha() for word in content) or len(content) > 1
        if not named or words(what)[0] in _WEAK | _LEADING:
            return ""
        if verb in ("is", "are"):
            return f"What {verb} {_lower(what)}?"
        return f"What does {_lower(what)} {_ALIKE[verb]}?"
    return ""


def _lower(text: str) -> str:
    """Without the capital of a sentence's start; names and codes keep theirs."""
    first = text.split(" ", 1)[0]
    return text[0].lower() + text[1:] if first.casefold() in ENGLISH_STOPWORDS or first.casefold() in _WEAK else text


def _split(row: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def _picked(key: str, templates: Sequence[str]) -> str:
    return templates[int(sha256(key.encode()).hexdigest()[:8], 16) % len(templates)]


def _order(seed: int) -> Callable[[Made], str]:
    return lambda one: sha256(f"{seed} {one.id}".encode()).hexdigest()


def _spread(rows: Sequence[Sequence[Made]], order: Callable[[Made], str]) -> Iterator[Made]:
    """One of each document, then the second of each, and so on."""
    for round in range(max(map(len, rows), default=0)):
        yield from sorted((row[round] for row in rows if round < len(row)), key=order)
