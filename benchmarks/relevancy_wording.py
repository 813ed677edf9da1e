"""Made questions in other words: synonyms of WordNet, and the phrases that people put around a question.

People rarely ask in the words of the page. Some words of a question are replaced by others of the same meaning
(Princeton WordNet 3.0, Debian's `wordnet-base`; Miller 1995, "WordNet: A Lexical Database for English"), which
the corpus may or may not hold, and some questions are wrapped. Others point at a place, whose words they need not
share. What becomes of a question follows from the hash of its text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from rag.pipelines.questions import Made

from rag.document import Chunk, PageRegion
from rag.words import ENGLISH_STOPWORDS, words

FOLDER = "usr/share/wordnet"
WRAPPINGS = (
    "{}", "{}", "{}", "{}",
    "Could you please tell me: {}",
    "According to this document, {}",
    "{} Give the answer as an integer.",
    "{} Answer in one sentence.",
    "In the figure, {}",
    "As the report shows, {}",
)  # fmt: skip
REPLACED = (0.0, 0.0, 0.25, 0.5)
"""Share of the plain words, one of these for each question."""
ON_A_PAGE = (
    "What is on page {page}?",
    "How many items are listed on page {page}?",
    "What is the first number mentioned on page {page}?",
    "Which colours does the picture on page {page} have?",
    "What is drawn in the upper left corner of page {page}?",
    "How many people can be seen on page {page}?",
    "Is there a signature on page {page}, and whose?",
    "Name the biggest of the boxes printed on page {page}.",
    "What does page {page} say about {first} and {second}?",
    "On page {page}, what is the {first}?",
)
IN_A_SECTION = (
    'How many points are listed in the section "{title}"?',
    'Are there photographs in the section "{title}", and of whom?',
    "What is the first sentence of Section {title}?",
    'What does the section "{title}" say about the {first}?',
    'In the section "{title}", how are {first} and {second} related?',
)
LEAST_WORDS = 12
"""In a chunk that a pointing question is made from."""
_ENDINGS = (("ies", "y"), ("ses", "s"), ("s", ""), ("ing", ""), ("ing", "e"), ("ed", ""), ("ed", "e"))


@dataclass(frozen=True)
class WordNet:
    """The synonyms of single words, each under its most usual meaning."""

    folder: Path

    def synonyms(self, word: str) -> list[str]:
        """Other single words of the first meaning of a word, or of one it is a form of; by name."""
        for base in _bases(word):
            for kind in ("noun", "verb", "adj"):
                if offset := _first(self.folder / f"index.{kind}").get(base):
                    found = [one for one in self._members(kind, offset) if one != base and one.isalpha()]
                    if found:
                        return sorted(found)
        return []

    def _members(self, kind: str, offset: int) -> list[str]:
        """The words of a meaning; where it has one word alone, those of the meaning above it too."""
        parts = self._line(kind, offset)
        count = int(parts[3], 16)
        own = [parts[4 + 2 * at].lower().partition("(")[0] for at in range(count)]
        if count == 1 and kind in ("noun", "verb"):
            pointers = parts[5 + 2 * count :]
            for at in range(0, 4 * int(parts[4 + 2 * count]), 4):
                if pointers[at] == "@":
                    above = self._line(kind, int(pointers[at + 1]))
                    return [above[4 + 2 * one].lower() for one in range(int(above[3], 16))]
        return own

    def _line(self, kind: str, offset: int) -> list[str]:
        data = _data(self.folder / f"data.{kind}")
        return data[offset : data.index(b"\n", offset)].decode("ascii").split()


@cache
def _first(path: Path) -> dict[str, int]:
    """lemma to where its first meaning stands."""
    found = {}
    for line in path.read_text(encoding="ascii").splitlines():
        if not line.startswith(" "):
            parts = line.split()
            found[parts[0]] = int(parts[-int(parts[2])])
    return found


@cache
def _data(path: Path) -> bytes:
    return path.read_bytes()


def _bases(word: str) -> Iterator[str]:
    yield word
    for ending, put in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            yield word[: -len(ending)] + put


def reworded(text: str, wordnet: WordNet) -> str:
    """The question with some of its plain words replaced, and maybe wrapped."""
    hashed = _hashed(text)
    parts = text.split()
    plain = [at for at, part in enumerate(parts) if _plain(part)]
    order = sorted(plain, key=lambda at: sha256(f"{text} {at} word".encode()).hexdigest())
    for at in order[: round(len(plain) * REPLACED[hashed % len(REPLACED)])]:
        bare = parts[at].strip("?.,:;").casefold()
        if others := wordnet.synonyms(bare):
            parts[at] = parts[at].replace(parts[at].strip("?.,:;"), others[(hashed >> 8) % len(others)])
    text = " ".join(parts)
    wrapping = WRAPPINGS[(hashed >> 4) % len(WRAPPINGS)]
    return wrapping.format(text if wrapping == "{}" else f"{text[:1].lower()}{text[1:].rstrip('?')}?")


def as_made(text: str) -> bool:
    """Whether `reworded` replaces no word of a question."""
    return REPLACED[_hashed(text) % len(REPLACED)] == 0


def pointing(whole: Sequence[Chunk], count: int) -> list[Made]:
    """Questions that point at a page or a section; any chunk there will do. Of pages first, by hash."""
    places: dict[tuple[str, str, str], list[Chunk]] = {}
    for chunk in whole:
        digest = chunk.origin.source.digest
        pages = {place.page for place in chunk.origin.places if isinstance(place, PageRegion)}
        for page in pages:
            places.setdefault((digest, "page", str(page)), []).append(chunk)
        if not pages and chunk.headings and 2 <= len(words(chunk.headings[-1])) <= 6:
            places.setdefault((digest, "section", chunk.headings[-1]), []).append(chunk)
    made = [one for place, held in places.items() if (one := _pointing(place, held))]
    return sorted(made, key=lambda one: (not one.id.startswith("page"), _hashed(one.id)))[:count]


def _pointing(place: tuple[str, str, str], held: Sequence[Chunk]) -> Made | None:
    digest, kind, name = place
    content = [
        word
        for word in dict.fromkeys(words(held[0].text))
        if word.isalpha() and len(word) > 3 and word not in ENGLISH_STOPWORDS
    ]
    if len(content) < LEAST_WORDS:
        return None
    hashed = _hashed(f"{digest} {name}")
    first, second = content[hashed % len(content)], content[(hashed >> 8) % len(content)]
    forms = ON_A_PAGE if kind == "page" else IN_A_SECTION
    text = forms[(hashed >> 16) % len(forms)].format(page=name, title=name, first=first, second=second)
    return Made(f"{kind}-{hashed:x}", text, "heading", held[0].text, digest, tuple(one.id for one in held))


def _hashed(text: str) -> int:
    return int(sha256(f"word {text}".encode()).hexdigest()[:12], 16)


def _plain(part: str) -> bool:
    bare = part.strip("?.,:;")
    return bare.isalpha() and bare.isascii() and len(bare) > 3 and bare.casefold() not in ENGLISH_STOPWORDS
