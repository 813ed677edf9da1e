"""Pictures of questions: kept in memory by this process for as long as they are asked about.

A question's picture is no part of a corpus, so nothing is written. It is named by its sha256 as an asset
is; whoever knows the name of one has had its bytes. What was used least recently goes first.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock

from rag.document import Media
from rag.errors import SourceError
from rag.identity import digest

MOST_BYTES = 256 * 2**20
LARGEST = 64 * 2**20
_lock = Lock()
_held: OrderedDict[str, bytes] = OrderedDict()


def hold(data: bytes, media_type: str, name: str = "the picture of the question") -> Media:
    """Keep a question's picture; SourceError above 64 MB."""
    if len(data) > LARGEST:
        raise SourceError(f"{len(data):,} bytes, more than {LARGEST:,}", source=name, kind="limit")
    media = Media(media_type, digest(data), len(data))
    with _lock:
        _held[media.digest] = data
        _held.move_to_end(media.digest)
        while sum(map(len, _held.values())) > MOST_BYTES:
            _held.popitem(last=False)
    return media


def held(name: str) -> bytes | None:
    """The bytes under a name; None where no question has shown them, or none of late."""
    with _lock:
        if name in _held:
            _held.move_to_end(name)
        return _held.get(name)
