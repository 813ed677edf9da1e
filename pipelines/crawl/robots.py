"""robots.txt (RFC 9309): what a site lets programs ask for, and how fast. Read by the package protego."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from rag.addresses import Address, parsed
from rag.errors import SourceError
from rag.extras import extra

from ..webpages import Net
from .links import PRODUCT

if TYPE_CHECKING:
    from rag.fetching import Limits

SIZE = 512 * 1024
"""RFC 9309, 2.5: at least 500 KiB are read; what lies behind is left out."""
SECONDS = 20.0
MOST_SITEMAPS = 100
_LONG = 10**9
_OPEN = frozenset({"missing", "refused", "empty"})
"""RFC 9309, 2.3.1.3: where there is no robots.txt, or it may not be read (4xx), all may be asked for."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What one host allows. `delay` is in seconds; `closed` says why nothing may be asked for, if so."""

    delay: float = 0.0
    sitemaps: Sequence[str] = ()
    closed: str = ""
    _may: Callable[[str], bool] = field(default=lambda url: True, repr=False)

    def may(self, url: str) -> bool:
        """Whether an address of this host may be asked for."""
        return not self.closed and self._may(url)


class Robots:
    """The robots.txt of each host, asked for once, before anything else there."""

    def __init__(self, net: Callable[[], Net]) -> None:
        self._net = net
        self._known: dict[str, Allowed] = {}

    def __call__(self, address: Address) -> Allowed:
        """What the host of an address allows."""
        if address.origin not in self._known:
            self._known[address.origin] = self._read(address.origin)
        return self._known[address.origin]

    def may(self, url: str) -> bool:
        """Whether an address may be asked for, where it is one."""
        try:
            address = parsed(url)
        except ValueError:
            return False
        return self(address).may(address.url)

    def _read(self, origin: str) -> Allowed:
        try:
            data = self._net().fetch(f"{origin}/robots.txt", limits=_limits()).data
        except SourceError as error:
            # RFC 9309, 2.3.1.4: a server that fails may have rules that it cannot tell just now.
            return Allowed(closed="" if error.kind in _OPEN else f"its robots.txt cannot be read: {error.message}")
        return allowed(data)


def allowed(data: bytes) -> Allowed:
    """The rules of a robots.txt for Argus; what is no rule is passed over."""
    with extra("web"):
        from protego import Protego

    rules: Any = Protego.parse(data.decode("utf-8-sig", "replace"))
    rate = rules.request_rate(PRODUCT)
    each = min(rate.seconds, _LONG) / min(rate.requests, _LONG) if rate else 0.0
    delay = max(rules.crawl_delay(PRODUCT) or 0.0, each)
    sitemaps = tuple(islice(rules.sitemaps, MOST_SITEMAPS))
    return Allowed(delay, sitemaps, "", lambda url: bool(rules.can_fetch(url, PRODUCT)))


def _limits() -> Limits:
    from rag.fetching import Limits

    return Limits(size=SIZE, seconds=SECONDS, silence=SECONDS, cut=True)
