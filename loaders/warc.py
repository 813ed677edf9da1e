"""WARC files (ISO 28500), as crawlers and browsers write them, by the package warcio: each page a document.

The pages, PDFs, pictures and texts of `response`, `resource` and `conversion` records are members, named by
their address. What was not found, moved, or is a page's style or script is no document and is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

from rag.addresses import canonical
from rag.bodies import Body, TooLarge
from rag.document import Source
from rag.errors import SourceError
from rag.extras import extra
from rag.members import Member
from rag.pages import in_utf8

from .reading import opened

_BLOCK = 1 << 16
_MOST = 10**10  # whoever reads a member has a limit of his own
_TYPES = ("response", "resource", "conversion")
_NO_DOCUMENTS = (
    "text/css", "text/javascript", "application/javascript", "application/x-javascript", "application/json",
    "application/ld+json", "application/manifest+json", "font/", "application/font", "application/x-font",
    "application/vnd.ms-fontobject", "text/dns", "application/wasm", "image/svg+xml", "image/x-icon",
    "image/vnd.microsoft.icon",
)  # fmt: skip
_PAGES = ("text/html", "application/xhtml+xml")
_CODINGS = ("", "identity", "gzip", "x-gzip", "deflate")


class WARC:
    """Finds the records of a WARC file that are documents, packed or not.

    Nothing is fetched. A file larger than `max_bytes` is refused; a page larger than `max_page` fails alone, and
    so does a record that is cut off. The same address with the same bytes comes once; `revisit` records, which
    hold no bytes, are told and passed over. Archives that were packed as a whole, not record by record, are
    refused where warcio cannot go on in them.
    """

    VERSION = 1
    media_types: tuple[str, ...] = ("application/warc",)

    def __init__(self, *, max_bytes: int = 20_000_000_000, max_page: int = 30_000_000) -> None:
        if min(max_bytes, max_page) < 1:
            raise ValueError("max_bytes and max_page are at least 1")
        self.max_bytes = max_bytes
        self.max_page = max_page

    def members(self, source: Source) -> Iterator[Member]:
        """The documents in the file's order. Raises SourceError: damaged, limit, missing, empty."""
        with extra("web"):
            from warcio.archiveiterator import ArchiveIterator

        with opened(source, self.max_bytes) as file:
            seen: set[tuple[str, str]] = set()
            records = iter(ArchiveIterator(file))
            while (record := _next(records, file, source)) is not None:
                member = self._member(record, seen)
                if member is not None:
                    yield member

    def _member(self, record: Any, seen: set[tuple[str, str]]) -> Member | None:
        url = _address(record.rec_headers.get_header("WARC-Target-URI") or "")
        if not url:
            return None
        if record.rec_type == "revisit":
            return Member(url, skip="a revisit, which holds no bytes: what it had before is another record")
        if record.rec_type not in _TYPES:
            return None
        status = _status(record)
        kind = _header(record, "content-type") or (record.content_type or "")
        kind, _, parameters = kind.partition(";")
        kind = kind.strip().lower()
        if status not in ("", "200", "203") or kind.startswith(_NO_DOCUMENTS):
            return None
        digest = record.rec_headers.get_header("WARC-Payload-Digest") or ""
        if digest and (url, digest) in seen:
            return None
        seen.add((url, digest))
        coding = (_header(record, "content-encoding") or "").strip().lower()
        if coding not in _CODINGS:
            why = f"it is packed as {coding[:30]!r}, which is not read"
            return Member(url, error=SourceError(why, source=url, kind="unsupported"))
        cut = record.rec_headers.get_header("WARC-Truncated")
        notes = (f"the crawler cut it off ({cut[:40]})",) if cut else ()
        charset = parameters.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")[:40]
        body = _blocks(record, url, coding)
        blocks = self._page(body, url, charset) if kind in _PAGES else body
        return Member(url, blocks, kind if kind in _PAGES or kind == "text/plain" else "", notes=notes)

    def _page(self, body: Iterator[bytes], url: str, charset: str) -> Iterator[bytes]:
        """A page as the loader of pages will read it: what its server said of its charset is said in it."""
        data = bytearray()
        for block in body:
            data += block
            if len(data) > self.max_page:
                why = f"a page of more than {self.max_page:,} bytes (max_page)"
                raise SourceError(why, source=url, kind="limit")
        if data:
            yield in_utf8(bytes(data), charset, markup=True)


def _next(records: Iterator[Any], file: BinaryIO, source: Source) -> Any:
    try:
        return next(records, None)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:  # warcio's errors and those of what it stands on have no common name
        at = f"byte {file.tell():,}" if not file.closed else ""
        first = next(iter(str(error).strip().splitlines()), repr(error))[:300]
        why = f"damaged, what follows is left out: {first}"
        raise SourceError(why, source=source.uri, kind="damaged", place=at) from error


def _blocks(record: Any, url: str, coding: str) -> Iterator[bytes]:
    """The body, unpacked; SourceError where the record is cut off or damaged.

    warcio's own unpacking ends without a word where packed data is damaged, so the body is unpacked here.
    """
    from warcio.bufferedreaders import ChunkedDataReader

    chunked = (_header(record, "transfer-encoding") or "").strip().lower() == "chunked"
    stream = ChunkedDataReader(record.raw_stream, decomp_type=None) if chunked else record.raw_stream
    body: Body | None = None
    try:
        while block := stream.read(_BLOCK):
            # Some crawlers unpack a body and keep the header that says it is packed.
            body = body or Body(coding if "gzip" not in coding or block[:2] == b"\x1f\x8b" else "", _MOST)
            yield body.feed(block)
        if body is not None:
            yield body.end()
    except TooLarge as error:
        raise SourceError(str(error), source=url, kind="limit") from error
    except (OSError, ValueError, EOFError, ArithmeticError, LookupError) as error:
        raise SourceError(f"damaged record: {error}", source=url, kind="damaged") from error
    if getattr(record.raw_stream, "limit", 0) > 0:
        raise SourceError("the record is cut off: the file ends inside it", source=url, kind="damaged")


def _status(record: Any) -> str:
    """The status of an HTTP answer; "" for a record that is none."""
    return str(record.http_headers.get_statuscode() or "000") if record.http_headers else ""


def _header(record: Any, name: str) -> str | None:
    return record.http_headers.get_header(name) if record.http_headers else None


def _address(uri: str) -> str:
    try:
        return canonical(uri.strip().strip("<>"))
    except ValueError:
        return ""
