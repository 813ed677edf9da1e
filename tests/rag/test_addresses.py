"""Addresses are read in one way, and what is not of the public internet is known as such."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.addresses import canonical, is_url, joined, parsed, public_name, routable, shown


@pytest.mark.parametrize(
    ("given_as", "meant"),
    [
        ("https://example.org", "https://example.org/"),
        ("HTTPS://Example.ORG:443/a", "https://example.org/a"),
        ("http://example.org:80/a?b=c#part", "http://example.org/a?b=c"),
        ("http://example.org:8080/", "http://example.org:8080/"),
        ("https://example.org./a", "https://example.org/a"),
        ("https://example.org/a b/ü.html", "https://example.org/a%20b/%C3%BC.html"),
        ("https://example.org/a%20b", "https://example.org/a%20b"),
        ("https://example.org/a/../b/./c/%2e%2E/d", "https://example.org/b/d"),
        ("https://example.org/../../etc", "https://example.org/etc"),
        ("https://example.org/a/..", "https://example.org/"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://faß.example/", "https://xn--fa-hia.example/"),
        ("https://\uff45xample.org/", "https://example.org/"),
        ("http://[2606:4700::0001]/", "http://[2606:4700::1]/"),
        ("http://1.1.1.1/", "http://1.1.1.1/"),
        ("  https://example.org/a  ", "https://example.org/a"),
    ],
)
def test_canonical(given_as: str, meant: str) -> None:
    assert canonical(given_as) == meant
    assert canonical(meant) == meant


@pytest.mark.parametrize(
    "url",
    [
        "http://2130706433/",
        "http://0177.0.0.1/",
        "http://127.000.000.001/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://example.0x",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://127.0.0.1:6666\\@1.1.1.1",
        "http://1.1.1.1\\.example.org/",
        "http://exam\tple.org/",
        "http://example.org/a\r\nHost: x",
        "http://example.org/\0",
        "http://example.org/\u2028",
        "http://user@example.org/",
        "http://user:word@example.org/",
        "http://@example.org/",
        "http://127.0.0.1:80@example.org/",
        "http://%31%32%37.0.0.1/",
        "http://example%2eorg/",
        "http://[fe80::1%25eth0]/",
        "http://[::1",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://example.org:80:80/",
        "http://",
        "http:///etc/passwd",
        "http:example.org",
        "//example.org/",
        "example.org",
        "file:///etc/passwd",
        "gopher://example.org/",
        "ftp://example.org/",
        "data:text/html,x",
        "javascript:alert(1)",
        "http://exa mple.org/",
        "http://-example.org/",
        "http://a..b/",
        f"http://{'a' * 64}.org/",
        f"http://{'a.' * 127}org/",
        "http://\u2488\u2488.example/",
        "http://xn--\u00fc/",
        "http://example.org/" + "a" * 9000,
    ],
)
def test_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parsed(url)


def test_fullwidth_digits_are_digits() -> None:
    """They become ASCII first, and are judged then."""
    assert parsed("http://\uff11\uff12\uff17.0.0.1/").host == "127.0.0.1"
    with pytest.raises(ValueError):
        parsed("http://\uff10x7f.1/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
        "169.254.169.254", "169.254.170.2", "100.64.0.1", "100.100.100.200", "192.0.0.1", "192.0.0.192", "192.0.2.1",
        "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1", "168.63.129.16", "224.0.0.1", "239.255.255.250",
        "240.0.0.1", "255.255.255.255",
        "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1.1.1.1",
        "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::", "2001:0:7f00:1::", "2001:0:101:101:0:0:80ff:fffe",
        "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:127.0.0.1",
        "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "ff02::1", "100::1",
        "2001:db8::1", "2001:2::1", "2001:10::1", "3fff::1", "5f00::1", "4000::1",
        "", "example.org", "1.1.1", "0x7f.1", "127.1", "1.1.1.1/32", "1.1.1.1\n",
    ],
)  # fmt: skip
def test_not_routable(address: str) -> None:
    assert not routable(address, 80)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "198.20.0.1", "2606:4700::1111", "2a00:1450:4001::200e",
     "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1"],
)  # fmt: skip
def test_routable(address: str) -> None:
    assert routable(address, 443)


@pytest.mark.parametrize(
    ("port", "taken"), [(80, True), (443, True), (8080, True), (8443, True), (22, False), (25, False), (6379, False)]
)
def test_ports_of_the_web_alone(port: int, taken: bool) -> None:
    assert routable("1.1.1.1", port) is taken


PRIVATE = [
    ip_network(net) for net in ("10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16")
]


@given(st.sampled_from(PRIVATE), st.integers(0, 2**32 - 1))
def test_no_wrapping_of_a_private_address_is_routable(net, offset: int) -> None:  # type: ignore[no-untyped-def]
    inner = int(net.network_address) + offset % net.num_addresses
    obscured = inner ^ 0xFFFFFFFF
    wrapped = [
        IPv4Address(inner),
        IPv6Address(inner),
        IPv6Address(0xFFFF << 32 | inner),
        IPv6Address(0x64FF9B << 96 | inner),
        IPv6Address(0x2002 << 112 | inner << 80 | 1),
        IPv6Address(0x20010000 << 96 | inner << 64 | 0xFEFEFEFE),
        IPv6Address(0x20010000 << 96 | 0x01010101 << 64 | obscured),
        IPv6Address(0x2606470000000000 << 64 | 0x5EFE << 32 | inner),
    ]
    assert [str(one) for one in wrapped if routable(str(one), 80)] == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "a.localhost", "metadata", "metadata.google.internal", "printer.local", "db.internal", "nas.lan",
     "router.home.arpa", "intranet", "x.corp", "a.test", "a.onion"],
)  # fmt: skip
def test_private_names(host: str) -> None:
    assert not public_name(host)


@pytest.mark.parametrize("host", ["example.org", "internal.example.org", "mylocal.org", "1.1.1.1", "2606:4700::1"])
def test_public_names(host: str) -> None:
    assert public_name(host)


def test_is_url() -> None:
    assert is_url("https://example.org")
    assert is_url("HTTP://example.org")
    assert not is_url("report.pdf")
    assert not is_url("http/report.pdf")
    assert not is_url("ftp://example.org")


def test_names_and_passwords_are_not_shown() -> None:
    assert shown("https://me:secret@example.org/a@b") == "https://***@example.org/a@b"
    assert shown("https://me@x@example.org/") == "https://***@example.org/"
    assert shown("https://example.org/a?b=c@d") == "https://example.org/a?b=c@d"


def test_joined() -> None:
    assert joined("https://example.org/a/b.html", "../c.png") == "https://example.org/c.png"
    assert joined("https://example.org/a/", "//other.example/c.png") == "https://other.example/c.png"


@given(st.text(max_size=60), st.sampled_from(["http://", "https://", "http://example.org/", ""]))
def test_any_text_is_an_address_or_a_value_error(text: str, before: str) -> None:
    """And what is taken holds nothing that could end a line or a host."""
    try:
        address = parsed(before + text)
    except ValueError:
        return
    assert canonical(address.url) == address.url
    assert address.url.isascii()
    assert address.url.isprintable()
    assert not set(address.host) & set("/?#@\\% ")
    assert " " not in address.target
    assert address.target.startswith("/")
