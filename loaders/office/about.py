"""What a package says of itself: title, author, dates."""

from __future__ import annotations

from rag.document import Head, LabelValue, labels

from .package import Package

_CORE = {"title": "title", "creator": "author", "subject": "subject", "created": "created", "modified": "modified"}
_KINDS = {
    "http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/",
    "http://schemas.openxmlformats.org/package/2006/metadata/core-properties",
}  # fmt: skip


def head(package: Package, name: str, pages: int = 0) -> Head:
    """The document's head from `docProps/core.xml`, its title by default the file's name."""
    found: dict[str, LabelValue] = {}
    root = package.xml("docProps/core.xml")
    for one in root if root is not None else ():
        if not isinstance(one.tag, str):
            continue
        space, _, tag = one.tag[1:].partition("}")
        text = " ".join((one.text or "").split())[:1000]
        if space in _KINDS and tag in _CORE and text:
            found.setdefault(_CORE[tag], text)
    title = str(found.pop("title", "")) or name
    return Head(title, pages, metadata=labels(found))
