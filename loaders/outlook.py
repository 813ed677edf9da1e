"""Outlook messages (.msg) by python-oxmsg: read like mails, attachments as members."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from rag.document import Head, LabelValue, Notice, Part, Source, labels
from rag.errors import SourceError
from rag.extras import extra
from rag.members import Member
from rag.protocols import Assets

from .html.inside import html_inside
from .mail import Enclosed, last_step, letterhead, plain
from .office.package import parsing
from .parts import Found, parts
from .reading import file_name, read

_CONTENT_ID = 0x3712


class Outlook:
    """Reads saved Outlook messages. Nothing is fetched or run.

    Places are `/HEADER`, `/HTML!` and an XPath in the HTML body, or `/TEXT` and characters of the plain one.
    Attachments are documents of their own.
    """

    VERSION = 3
    media_types: tuple[str, ...] = ("application/vnd.ms-outlook",)

    def __init__(self, *, min_image_side: int = 50, max_bytes: int = 100_000_000, assets: Assets | None = None) -> None:
        if max_bytes < 1:
            raise ValueError(f"max_bytes is at least 1, got {max_bytes}")
        self.min_image_side = min_image_side
        self.max_bytes = max_bytes
        self.assets = assets

    def load(self, source: Source, *, start: int = 0) -> Iterator[Part]:
        """Parts of at most 500 elements. Raises SourceError: damaged, limit, empty, missing; MissingExtra."""
        message = self._read(source)
        pictures = Enclosed(source, self.assets, min_side=self.min_image_side)
        with parsing(source.uri):
            told = _headers(message)
            body, html = message.body or "", message.html_body or ""
            for one in message.attachments:
                if (id := _content_id(one)) and one.file_bytes:
                    pictures.enclosed[id] = one.file_bytes
        if not told and not body and not html:
            raise SourceError("no message: it has neither headers nor a body", source=source.uri, kind="damaged")
        title = told.get("subject", "") or file_name(source)
        metadata: dict[str, LabelValue] = {key: value for key, value in told.items() if key != "subject"}

        def found() -> Iterator[Found | Notice]:
            yield from letterhead(told)
            if html:
                yield from html_inside(html.encode("utf-8", "replace"), "HTML", pictures)
            else:
                yield from plain(body, "TEXT")
            yield from pictures.told()

        yield from parts(source, Head(title, metadata=labels(metadata)), found(), start)

    def members(self, source: Source) -> Iterator[Member]:
        """The attachments. Raises SourceError as `load` does."""
        message = self._read(source)
        with parsing(source.uri):
            attached = [(one.file_name, one.file_bytes, one.mime_type, _content_id(one)) for one in message.attachments]
        for at, (given, data, kind, id) in enumerate(attached, 1):
            name = last_step(given) or f"attachment {at}"
            if data is None:
                yield Member(name, skip="a message or object inside an Outlook message")
            elif not (id and (kind or "").startswith("image/")):
                yield Member(name, (data,), media_type=kind or "")

    def _read(self, source: Source) -> Any:
        with extra("office"):
            import oxmsg
        data = read(source, self.max_bytes)
        with parsing(source.uri):
            return oxmsg.Message.load(io.BytesIO(data))


def _headers(message: Any) -> dict[str, str]:
    said = {name.lower(): value for name, value in message.message_headers.items()}
    people = "; ".join(f"{one.name} <{one.email_address}>" for one in message.recipients)
    date = message.sent_date
    found = {
        "from": message.sender or said.get("from", ""),
        "to": said.get("to", "") or people,
        "cc": said.get("cc", ""),
        "date": date.isoformat() if date else said.get("date", ""),
        "subject": message.subject or "",
    }
    tidy = {name: " ".join(str(value).split())[:2000] for name, value in found.items()}
    return {name: value for name, value in tidy.items() if value}


def _content_id(attachment: Any) -> str:
    value = attachment.properties.str_prop_value(_CONTENT_ID)
    return str(value or "").strip("<> ")
