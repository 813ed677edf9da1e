"""Drawings made by code: each function gives the bytes of an SVG file."""

from __future__ import annotations

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '


def svg(body: str, size: str = 'width="400" height="200"') -> bytes:
    return f"{HEAD}{size}>{body}</svg>".encode()


def plant() -> bytes:
    """Two boxes with their labels, one of them turned, one in two spans, and a title."""
    return svg(
        "<title>The plant</title><style>.box{fill:#369} text{font:16px sans-serif}</style>"
        '<rect class="box" x="20" y="20" width="120" height="60"/><text x="30" y="130">Pump house</text>'
        '<g transform="translate(300,60) rotate(90)"><text fill="#a00">Valve A</text></g>'
        '<text x="30" y="170"><tspan font-weight="bold">Tank</tspan> 2<tspan x="30" dy="20">full</tspan></text>'
    )


def unseen() -> bytes:
    """Six texts, one of which a reader sees."""
    return svg(
        '<style>.away{visibility:hidden}</style><text x="20" y="30">Seen</text>'
        '<text x="20" y="60" style="display:none">Not displayed</text>'
        '<text x="20" y="90" class="away">Hidden by a sheet</text>'
        '<text x="20" y="120" fill="white">White on white</text>'
        '<text x="20" y="150" opacity="0.01">Too faint</text>'
        '<text x="2000" y="150">Outside</text>'
        '<text x="220" y="180">Covered</text><rect x="200" y="160" width="190" height="40" fill="#ccc"/>'
    )
