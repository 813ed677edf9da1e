"""Mails (.eml) by the standard library: the message as its reader sees it, attachments as members."""

from __future__ import annotations

import email
import email.policy
import io
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from typing import Any

from rag.document import CharSpan, Head, LabelValue, MarkupPath, Notice, Part, Source, labels
from rag.errors import SourceError
from rag.members import Member
from rag.protocols import Assets

from .html.inside import html_inside
from .office.package import parsing
from .parts import Found, parts
from .pictures import Picture, Pictures
from .reading import file_name, read
from .text_blocks import blocks, lines

MOST_PARTS = 2000
_HEADERS = ("From", "To", "Cc", "Date", "Subject")


class Mail:
    """Reads mails. Nothing is fetched: pictures are those inside the mail.

    The HTML body is read where there is one, as a mail program shows it. Places name the part as IMAP numbers it:
    `/1.2!` and an XPath, or `/1` and characters. Attachments are documents of their own.
    """

    VERSION = 3
    media_types: tuple[str, ...] = ("message/rfc822",)

    def __init__(self, *, min_image_side: int = 50, max_bytes: int = 100_000_000, assets: Assets | None = None) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. Raises SourceError: damaged, limit, empty, missing."""
        message, leaves = self._read(source)
        pictures = Enclosed(source, self.assets, min_side=self.min_image_side)
        with parsing(source.uri):
            told = _headers(message)
            for _, part in leaves:
                if id := str(part.get("Content-ID", "")).strip("<> "):
                    pictures.enclosed[id] = part
        title = told.get("subject", "") or file_name(source)
        metadata: dict[str, LabelValue] = {key: value for key, value in told.items() if key != "subject"}
        found = self._found(source, told, leaves, pictures)
        yield from parts(source, Head(title, metadata=labels(metadata)), found, start)

    def members(self, source: Source) -> Iterator[Member]:
        """The attachments; mails inside the mail too. Raises SourceError as `load` does."""
        _, leaves = self._read(source)
        for number, part in leaves:
            if not is_attached(part):
                continue
            with parsing(source.uri, f"part {number}"):
                name, data = _attached(part, number)
            yield Member(name, (data,), media_type=part.get_content_type())

    def _read(self, source: Source) -> tuple[EmailMessage, list[tuple[str, MIMEPart]]]:
        data = read(source, self.max_bytes)
        with parsing(source.uri):
            message = email.message_from_bytes(data, policy=email.policy.default)
            leaves = list(_leaves(message, source.uri))
        if not message.keys():
            raise SourceError("no mail: it has no headers", source=source.uri, kind="damaged")
        return message, leaves

    def _found(
        self, source: Source, told: dict[str, str], leaves: list[tuple[str, MIMEPart]], pictures: Enclosed
    ) -> Iterator[Found | Notice]:
        yield from letterhead(told)
        for number, part in leaves:
            kind = part.get_content_type()
            if kind in ("application/pkcs7-mime", "application/pgp-encrypted"):
                yield Notice("the mail is encrypted; its body cannot be read", MarkupPath(f"/{number}"))
            if is_attached(part) or part.get_content_maintype() != "text":
                continue
            with parsing(source.uri, f"part {number}"):
                text = _decoded(part)
            if kind == "text/html":
                yield from html_inside(text.encode("utf-8", "replace"), number, pictures)
            else:
                yield from plain(text, number)
        yield from pictures.told()


class Enclosed(Pictures):
    """Pictures in the mail itself, by their content id; none from anywhere else."""

    def __init__(self, source: Source, assets: Assets | None, *, min_side: int) -> None:
        super().__init__(source, assets, min_side=min_side)
        self.enclosed: dict[str, Any] = {}

    def find(self, reference: str) -> Picture | None:
        """The picture behind `cid:` or `data:`."""
        if reference[:5].lower() == "data:":
            return super().find(reference)
        part = self.enclosed.get(reference[4:]) if reference[:4].lower() == "cid:" else None
        if part is None:
            return None
        data = part if isinstance(part, bytes) else part.get_payload(decode=True)
        return self.keep(data, reference[:80]) if isinstance(data, bytes) else None


def letterhead(told: dict[str, str]) -> Iterator[Found]:
    """The subject as heading, and who wrote to whom when."""
    place = MarkupPath("/HEADER")
    if told.get("subject"):
        yield Found("heading", told["subject"], (place,), level=1)
    rest = [f"{key.capitalize()}: {value}" for key, value in told.items() if key != "subject"]
    if rest:
        yield Found("paragraph", "\n".join(rest), (place,))


def plain(text: str, number: str) -> Iterator[Found]:
    """The blocks of a text part, with the part and the characters in it."""
    for one in blocks(lines(io.StringIO(text, newline=""))):
        places = tuple(place for place in one.places if isinstance(place, CharSpan))
        yield Found(one.role, one.text, (MarkupPath(f"/{number}"), *places), cells=one.cells)


def _leaves(message: EmailMessage, uri: str) -> Iterator[tuple[str, MIMEPart]]:
    """(number, part) of what a reader sees or can save; of alternatives the richest that is read."""
    stack: list[tuple[str, MIMEPart]] = [("", message)]
    count = 0
    while stack:
        number, part = stack.pop()
        count += 1
        if count > MOST_PARTS:
            raise SourceError(f"more than {MOST_PARTS:,} parts", source=uri, kind="limit")
        if part.get_content_maintype() != "multipart":
            yield number or "1", part
            continue
        payload = part.get_payload()
        children = [one for one in payload if isinstance(one, MIMEPart)] if isinstance(payload, list) else []
        named = [(f"{number}.{at}" if number else str(at), one) for at, one in enumerate(children, 1)]
        if part.get_content_subtype() == "alternative":
            named = named[-1:] if not named else [max(named, key=lambda one: (_richness(one[1]), one[0]))]
        stack.extend(reversed(named))


def _richness(part: MIMEPart) -> int:
    kind = part.get_content_type()
    if kind == "text/html" or kind in ("multipart/related", "multipart/mixed"):
        return 2
    return 1 if kind == "text/plain" else 0


def is_attached(part: MIMEPart) -> bool:
    """Whether a part is a file beside the message rather than a piece of it."""
    if part.get_content_disposition() == "attachment" or part.get_content_type() == "message/rfc822":
        return True
    enclosed = part.get_content_maintype() == "image" and part.get("Content-ID")
    return part.get_content_maintype() not in ("text", "multipart") and not enclosed


def _attached(part: MIMEPart, number: str) -> tuple[str, bytes]:
    payload: Any = part.get_payload()
    if part.get_content_type() == "message/rfc822" and isinstance(payload, list) and payload:
        inner = payload[0]
        subject = " ".join(str(inner.get("Subject", "")).replace("/", " ").split())[:100]
        return last_step(part.get_filename()) or f"{subject or f'part {number}'}.eml", bytes(inner.as_bytes())
    data = part.get_payload(decode=True)
    return last_step(part.get_filename()) or f"part {number}", data if isinstance(data, bytes) else b""


def last_step(name: str | None) -> str:
    """The name of an attachment without folders: a mail program saves it where its reader says."""
    return (name or "").replace("\\", "/").rstrip("/").rpartition("/")[2].strip(". ")


def _decoded(part: MIMEPart) -> str:
    """The text of a part; a charset that is unknown or wrong costs its odd characters alone."""
    data = part.get_payload(decode=True)
    data = data if isinstance(data, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, UnicodeDecodeError):
        from rag.charsets import decode

        return decode(data)[0]


def _headers(message: EmailMessage) -> dict[str, str]:
    found = {name.lower(): " ".join(str(message.get(name, "")).split())[:2000] for name in _HEADERS}
    return {name: value for name, value in found.items() if value}
