"""PDFs that ask for more than they show: written object by object, since no library would make them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

SAID = "The turbine was inspected in the spring of the year."
TEXT = b"BT /F 12 Tf 72 700 Td (%s) Tj ET\n" % SAID.encode()
_CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
_FONT = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
_FORM = b"/Type/XObject/Subtype/Form/BBox[0 0 612 792]/Resources<</XObject<<%s>>>>"


def assembled(objects: Sequence[bytes]) -> bytes:
    """A file of objects numbered from 1, of which the first is its catalogue."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    at = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, at)
    return bytes(out)


def stream(data: bytes, about: bytes = b"", deflated: bool = False) -> bytes:
    if deflated:
        data, about = zlib.compress(data, 9), about + b"/Filter/FlateDecode"
    return b"<<%s/Length %d>>stream\n" % (about, len(data)) + data + b"\nendstream"


def page(content: bytes, named: bytes = b"", box: bytes = b"0 0 612 792", more: Sequence[bytes] = ()) -> bytes:
    """A file of one page; `more` are objects from number 6 on, `named` the XObjects among its resources."""
    about = b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>/XObject<<%s>>>>>>"
    pages = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
    return assembled([_CATALOG, pages, about % (box, named), content, _FONT, *more])


def wide_tree(pages: int) -> bytes:
    kids = b" ".join(b"%d 0 R" % (at + 4) for at in range(pages))
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 3 0 R>>"
    return assembled([_CATALOG, b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, pages), stream(b""), *[leaf] * pages])


def deep_tree(levels: int) -> bytes:
    nodes = [
        b"<</Type/Pages/Kids[%d 0 R]/Count 1%s>>" % (at + 3, b"/Parent %d 0 R" % (at + 1) if at else b"")
        for at in range(levels)
    ]
    return assembled([_CATALOG, *nodes, b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 612 792]>>" % (levels + 1)])


def lying_count() -> bytes:
    leaf = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]>>"
    return assembled([_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 2147483647>>", leaf])


def looping_tree() -> bytes:
    node = b"<</Type/Pages/Parent 2 0 R/Kids[2 0 R]/Count 5>>"
    return assembled([_CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 5>>", node])


def recursive_form() -> bytes:
    """A form object that shows itself."""
    return page(stream(TEXT + b"/X Do"), b"/X 6 0 R", more=[stream(b"/X Do", _FORM % b"/X 6 0 R")])


def laughing_forms(levels: int, each: int = 10) -> bytes:
    """Form objects that show the next one `each` times: `each` to the power of `levels` squares."""
    forms = [
        stream(b"/X Do " * each if at < levels - 1 else b"0 0 5 5 re f ", _FORM % b"/X %d 0 R" % (7 + at))
        for at in range(levels)
    ]
    return page(stream(TEXT + b"/X Do"), b"/X 6 0 R", more=forms)


def large_page(points: int) -> bytes:
    return page(stream(TEXT), box=b"0 0 %d %d" % (points, points))


def blank_bomb(size: int) -> bytes:
    return page(stream(TEXT + b" " * size, deflated=True))


def many_lines(count: int) -> bytes:
    """Lines of text, each at a place of its own."""
    texts = b"".join(b"1 0 0 1 %d %d Tm (line %d) Tj " % (300 * (n % 2), 790 - n // 4, n) for n in range(count))
    return page(stream(b"BT /F 1.6 Tf " + texts + b"ET", deflated=True))


def many_paths(count: int) -> bytes:
    return page(stream(TEXT + b"0 0 m 5 5 l S " * count, deflated=True))


def picture_bomb() -> bytes:
    """A picture of 40,000 by 40,000 pixels, of which some are there."""
    about = b"/Type/XObject/Subtype/Image/Width 40000/Height 40000/BitsPerComponent 8/ColorSpace/DeviceGray"
    content = stream(TEXT + b"q 500 0 0 500 50 50 cm /I Do Q")
    return page(content, b"/I 6 0 R", more=[stream(bytes(10_000_000), about, deflated=True)])
