"""Addresses on the web: parsed in one way only, and judged. Opens no socket.

What is checked is what is connected to: `parsed` gives the host, port and target that go on the wire,
so no second parser can read the same text in another way. Whether a machine's address belongs to the
public internet is judged by `routable`, on the numbers that a name resolved to.

Sources: WHATWG URL, section 3.5 (a host that ends in a number is an IPv4 address or nothing); UTS 46
for names beyond ASCII (package idna); IANA special-purpose registries through `ipaddress`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import quote, urljoin, urlsplit

MAX_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
PORTS = frozenset({80, 443, 8080, 8443})
"""Ports that pages are served on. On others listen mail, databases and caches, to which a request
with a crafted target can be a command."""

_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")
_USER = re.compile(r"(//)[^/?#]*@")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"\d+|0x[0-9a-f]*")
_PRIVATE_NAMES = (
    "localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "home.arpa",
    "onion", "test", "invalid",
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)
_REFUSED = (
    IPv4Network("168.63.129.16/32"),  # Azure's host service: public in form, the machine's own in truth
    IPv4Network("192.88.99.0/24"), IPv4Network("192.0.0.0/24"), IPv4Network("192.31.196.0/24"),
    IPv4Network("192.52.193.0/24"), IPv4Network("192.175.48.0/24"), IPv6Network("3fff::/20"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Address:
    """A web address in canonical form. `host` is ASCII in lower case, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port as in a Host header: the port is left out where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.origin + self.target


def is_url(name: str) -> bool:
    """Whether a name that a user gave means an address on the web rather than a file."""
    return name.lstrip()[:8].lower().startswith(("http://", "https://"))


def parsed(url: str) -> Address:
    """The address; ValueError says what is wrong with it. A fragment is dropped: it names a place in a page."""
    url = url.strip(" ")
    if len(url) > MAX_LENGTH:
        raise ValueError(f"an address of more than {MAX_LENGTH} characters")
    if _CONTROL.search(url) or "\\" in url:
        raise ValueError("an address with a control character or a backslash; programs disagree on what it means")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"not an address: {error}") from None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"only http and https are fetched, not {scheme[:20] or 'an address without a scheme'}")
    if "@" in parts.netloc:
        raise ValueError("an address with a user name or password in it; give the address without")
    if not parts.hostname:
        raise ValueError("an address without a host name")
    if port == 0:
        raise ValueError("port 0 is no port")
    query = f"?{_encoded(parts.query, '/?')}" if parts.query else ""
    target = _without_dots(_encoded(parts.path, "/") or "/") + query
    return Address(scheme, _host(parts.hostname), port or DEFAULT_PORTS[scheme], target)


def canonical(url: str) -> str:
    """The canonical form of an address, by which a source is known; ValueError as `parsed`."""
    return parsed(url).url


def shown(url: str) -> str:
    """The address for people: a name and password in it are not repeated."""
    return _USER.sub(r"\1***@", url)


def joined(base: str, reference: str) -> str:
    """A reference in a page as an address; not judged yet. ValueError where it cannot be one."""
    return urljoin(base, reference.strip())


def _encoded(text: str, also: str) -> str:
    try:
        return quote(text, safe=f"%:@!$&'()*+,;=~-._[]{also}")
    except UnicodeError:
        raise ValueError("an address with half of a surrogate pair") from None


def _without_dots(path: str) -> str:
    """RFC 3986, section 5.2.4: `/a/../b` and `/./b` are `/b`, and so are their percent-encoded forms."""
    kept: list[str] = []
    steps = path.split("/")[1:]
    for number, step in enumerate(steps, start=1):
        plain = step.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        if plain not in (".", ".."):
            kept.append(step)
        elif number == len(steps):
            kept.append("")
    return "/" + "/".join(kept)


def _host(name: str) -> str:
    if ":" in name:
        if "%" in name:
            raise ValueError("an IPv6 address with a zone, which is of one machine's network only")
        return str(IPv6Address(name))
    name = _ascii(name).lower().removesuffix(".")
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            raise ValueError(f"{name[:60]} is not four decimal numbers; write an IPv4 address so") from None
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{name[:60]!r} is not a host name")
    return name


def _ascii(name: str) -> str:
    if name.isascii():
        return name
    import idna

    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except UnicodeError as error:
        raise ValueError(f"not an international host name: {str(error)[:200]}") from None


def public_name(host: str) -> bool:
    """Whether a host name can be one of the public internet: it has a dot, and no private ending.

    That refuses the metadata services of clouds by name (`metadata`, `metadata.google.internal`)
    before anything is looked up; an address in numbers is judged by `routable`.
    """
    if _literal(host):
        return True
    return "." in host and not any(host == name or host.endswith(f".{name}") for name in _PRIVATE_NAMES)


def _literal(host: str) -> bool:
    return ":" in host or bool(_NUMBER.fullmatch(host.rpartition(".")[2]))


def routable(address: str, port: int) -> bool:
    """Whether an address in numbers is one that the whole internet can reach, on a port of the web.

    An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo, ISATAP) is judged by
    both; false for what is no address.
    """
    try:
        return port in PORTS and _global(ip_address(address))
    except ValueError:
        return False


def _global(address: IPv4Address | IPv6Address) -> bool:
    if any(address.version == net.version and address in net for net in _REFUSED):
        return False
    if address.is_multicast or address.is_unspecified or address.is_loopback or address.is_link_local:
        return False
    if isinstance(address, IPv4Address):
        return address.is_global and not address.is_reserved
    if address.ipv4_mapped is not None:
        return _global(address.ipv4_mapped)
    if address in _NAT64:
        return _global(_low(address))
    if address not in _UNICAST or address.scope_id or not all(_global(one) for one in _carried(address)):
        return False
    # Python counts Teredo as private; what it carries was judged above.
    return address.is_global or address.teredo is not None


def _carried(address: IPv6Address) -> list[IPv4Address]:
    found = [address.sixtofour] if address.sixtofour is not None else []
    found += address.teredo or ()
    if int(address) >> 32 & 0xFFFFFFFF in _ISATAP:
        found.append(_low(address))
    return found


def _low(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)
