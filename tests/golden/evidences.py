"""A selection of evidence as it comes from ingested web pages: loaded, chunked, numbered."""

from __future__ import annotations

import atexit
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from rag.loaders.chunking.structure import Structure
from rag.loaders.html import HTML

from rag.answer import Evidence, Hit, Selection
from rag.document import Source
from rag.identity import digest
from tests.golden import htmls


@cache
def of_pages() -> Selection:
    """All chunks of two pages, of which the files stay until the interpreter ends."""
    folder = Path(mkdtemp(prefix="argus-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    chunks = []
    for name, data in (("gauges.html", htmls.page()), ("river.html", htmls.body(RIVER))):
        path = folder / name
        path.write_bytes(data)
        source = Source(str(path), "text/html", digest(data), str(path))
        chunks += list(Structure()(HTML().load(source)))
    return Selection(tuple(Evidence(at, Hit(one, 1.0, "test"), 0.9) for at, one in enumerate(chunks, 1)))


RIVER = (
    "<h1>The river</h1><p>The level of the river is read on a staff at the bridge.</p>"
    "<p>In spring the river rises when the snow melts in the hills above the town.</p>"
    "<ul><li>The staff has marks of one centimetre.</li><li>The funnel is not used here.</li></ul>"
    "<p>Boats may pass the bridge below a level of two metres.</p>"
)
