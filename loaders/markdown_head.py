"""The settings between marks at the start of a Markdown file: title, author, date, language."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.document import Head, LabelValue, labels

if TYPE_CHECKING:
    from markdown_it.token import Token

_FRONT = re.compile(
    r"(---|\+\+\+)[ \t]*(?:\r\n?|\n)(.{0,20000}?)(?:\r\n?|\n)(?:\1|\.\.\.)[ \t]*(?:\r\n?|\n|\Z)", re.DOTALL
)
_PAIR = re.compile(r"^([A-Za-z][\w -]{0,40}?)[ \t]*[:=][ \t]*(\S[^\r\n]{0,1000})$", re.MULTILINE)
_KEYS = {
    "author": "author", "authors": "author", "date": "created", "created": "created", "updated": "modified",
    "modified": "modified", "description": "description", "summary": "description", "tags": "keywords",
    "keywords": "keywords",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Front:
    """What the settings say. Values are read as text; no YAML is evaluated."""

    title: str = ""
    language: str = ""
    metadata: dict[str, LabelValue] = field(default_factory=dict)

    def of(self, tokens: Sequence[Token], name: str) -> Head:
        """The document's head; its first heading of level 1 is the title where none is stated."""
        heading = next(
            (
                tokens[at + 1].content
                for at, token in enumerate(tokens[:-1])
                if token.type == "heading_open" and token.tag == "h1"
            ),
            "",
        )
        plain = re.sub(r"[*_`]|!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).strip()
        return Head(self.title or plain[:300] or name, 0, self.language, labels(self.metadata))


def head(text: str, encoding: str) -> tuple[Front, str]:
    """The settings, and the text with blank lines in their place, so that line numbers stay."""
    metadata: dict[str, LabelValue] = {"charset": encoding}
    found = _FRONT.match(text)
    pairs = [(key.lower(), _value(value)) for key, value in _PAIR.findall(found[2])] if found else []
    if found is None or not pairs:
        return Front(metadata=metadata), text
    for key, value in pairs:
        if key in _KEYS and value:
            metadata.setdefault(_KEYS[key], value)
    named = dict(reversed(pairs))
    blank = "\n" * len(re.findall(r"\r\n?|\n", found[0]))
    language = named.get("lang") or named.get("language") or ""
    return Front(named.get("title", ""), language[:40], metadata), blank + text[found.end() :]


def _value(text: str) -> str:
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].strip()
    return text.strip("[]").strip()
