"""How to ingest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from rag.document import LabelValue
from rag.filters import check_labels
from rag.members import MemberLimits
from rag.ranges import ranges

from .browser import Rendering
from .crawl.rules import Crawl
from .webpages import Net
from .workers import Limits


@dataclass(frozen=True, slots=True)
class Options:
    """What an ingest is asked to do.

    `labels` go on every source of the run; `refresh` derives unchanged documents again whose loader
    or chunker changed; `sync` removes what is gone under the named folders (refused if that is more
    than half, unless `yes`), and the address of which its server says that nothing is there any more;
    `keep` copies the bytes of local files into the corpus; `linked_pdfs` takes the PDFs of the same
    site that a fetched page links to; `workers` is how many processes parse (0: none, in this process).
    `pages` ("1-20,35") takes those pages of PDFs alone; what is read again without it is read whole.
    `crawl` goes on from each address to the pages that it links to, as far as `Crawl` says; `render` takes
    pages as a browser shows them.
    `net` fetches addresses (default: `rag.fetching.Door`, the public internet alone). `members` limits
    what an archive may hold.
    """

    labels: Mapping[str, LabelValue] = field(default_factory=dict)
    refresh: bool = False
    sync: bool = False
    yes: bool = False
    keep: bool = False
    workers: int = 2
    limits: Limits = field(default_factory=Limits)
    linked_pdfs: bool = False
    pages: str = ""
    crawl: Crawl | None = None
    render: Rendering | None = None
    net: Net | None = None
    members: MemberLimits = field(default_factory=MemberLimits)

    def __post_init__(self) -> None:
        check_labels(self.labels)
        ranges(self.pages)
        if self.workers < 0:
            raise ValueError(f"workers must be 0 or more, got {self.workers}")
