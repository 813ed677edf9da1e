"""Retrieved text made safe to stand in a prompt, and evidence as a delimited block.

Escaping makes forging impossible in one respect only: no document can open or close a block, write a
chat template's role token, or contain a citation marker. It does not stop a model from believing what
a document says.
"""

from __future__ import annotations

import re
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath
from urllib.parse import urlsplit

from rag.answer import Evidence
from rag.document import CellRange, CharSpan, Chunk, MarkupPath, PageRegion, Place, TimeSpan

MOST_PLACES = 3
LONGEST_ATTRIBUTE = 200
"""Characters of a title or heading that stand in a block's head."""
_MARKER = re.compile(r"\[(?=[\s^]*(?:(?:evidence|source|doc(?:ument)?)\s*#?\s*)?\d[^\[\]\n]{0,40}\])", re.IGNORECASE)
_CLOSING = re.compile("(［[^\\[\\]［］\n]{0,60})\\]")
_ROLES = re.compile(
    r"<(?=\s*/?\s*(?:evidence|system|user|assistant|human|tool_call|tool_response|function_calls?|think"
    r"|start_of_turn|end_of_turn|bos|eos|s|pad|image|video)\b[^<>\n]{0,200}>|\||<SYS|</SYS|\s*/?\s*(?:evidence)\b)",
    re.IGNORECASE,
)
_INST = re.compile(r"\[(?=/?\s*(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\s*\])", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNSEEN = re.compile(  # soft hyphens, direction marks, zero-width spaces, tag characters: shown to no reader
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_CORNERS = str.maketrans({"【": "〔", "】": "〕"})
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def escaped(text: str) -> str:
    """The text with what could be read as a marker, a delimiter or a role token made plain.

    `[1]` becomes `［1］` (which `unescaped` turns back in code), `<|im_start|>` becomes `＜|im_start|>`;
    invisible characters go.
    """
    text = _UNSEEN.sub("", _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")))
    text = _LONE_SURROGATE.sub("�", text).translate(_CORNERS)
    text = _CLOSING.sub("\\1］", _MARKER.sub("［", text))
    return _ROLES.sub("＜", _INST.sub("［", text))


def unescaped(code: str) -> str:
    """Brackets around numbers as they stood in the document: `argv［1］` of a code sample."""
    return re.sub("［([^\\[\\]［］\n]{0,60})］", r"[\1]", code)


def block(evidence: Evidence, text: str) -> str:
    """A piece of evidence with its number, source, place, title and section.

    What tells a model nothing is left out, since each token of it is paid for with each piece: paths in
    markup, a title that source or section say already, and that text is text.
    """
    chunk = evidence.hit.chunk
    name, section = _name(chunk.origin.source.uri), " › ".join(chunk.headings)
    kind = "hidden from readers" if chunk.role == "hidden" else chunk.modality
    head = {
        "source": name,
        "place": "; ".join(_places(chunk, paths=False)),
        "title": "" if _words(chunk.title) <= _words(f"{name} {section}") else chunk.title,
        "section": section,
        "kind": "" if kind == "text" else kind,
    }
    told = "".join(f' {key}="{_attribute(value)}"' for key, value in head.items() if value)
    return f'<evidence number="{evidence.number}"{told}>\n{text}\n</evidence>'


def heading(evidence: Evidence) -> str:
    """What stands above a piece of evidence, for reading: title, section, place."""
    chunk = evidence.hit.chunk
    return "\n".join((chunk.title, *chunk.headings, _name(chunk.origin.source.uri), *_places(chunk)))


def _words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text.casefold()))


def _attribute(value: str) -> str:
    value = " ".join(escaped(value).split()).replace('"', "'").replace("<", "＜").replace(">", "＞")
    return value if len(value) <= LONGEST_ATTRIBUTE else value[: LONGEST_ATTRIBUTE - 1] + "…"


def _places(chunk: Chunk, *, paths: bool = True) -> list[str]:
    """The first few places in words; of paths in markup one or none, since they are long and tell a model little."""
    left_out = [one for one in chunk.origin.places if isinstance(one, MarkupPath)][int(paths) :]
    told = (_place(place) for place in chunk.origin.places if place not in left_out)
    return list(islice(dict.fromkeys(one for one in told if one), MOST_PLACES))


def _place(place: Place) -> str:
    match place:
        case PageRegion(page, _):
            return f"page {page}"
        case TimeSpan(start, end):
            return f"seconds {start:.1f} to {end:.1f}"
        case CellRange(sheet, cells):
            return f"sheet {sheet}, cells {cells}"
        case MarkupPath(path):
            return path
        case CharSpan():
            return ""


def _name(uri: str) -> str:
    """A file's name, or an address without its query: folders of this machine are no model's business."""
    if re.match(r"[a-z][a-z0-9+.-]+://", uri, re.IGNORECASE):
        try:
            parts = urlsplit(uri)
            return f"{parts.hostname or ''}{parts.path}"
        except ValueError:
            return ""
    return PureWindowsPath(uri).name if "\\" in uri else PurePosixPath(uri).name
