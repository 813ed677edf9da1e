"""Mails and Outlook messages: bodies as a reader sees them, attachments as members."""

from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.document import CharSpan, MarkupPath, Source
from rag.errors import SourceError
from rag.identity import digest
from rag.registry import load
from rag.sniff import media_type
from tests.contracts.test_loader import KeptAssets
from tests.golden import messages, offices
from tests.loaders.test_office import elements, notices, read, texts


def members(loader: str, data: bytes, folder: Path) -> dict[str, bytes]:
    path = folder / "given"
    path.write_bytes(data)
    built = load(f"loaders/{loader}")()
    source = Source(str(path), built.media_types[0], digest(data), str(path))
    return {one.name: b"".join(one.blocks) for one in built.members(source)}


def test_the_richer_body_is_read_with_its_picture(tmp_path: Path) -> None:
    assets = KeptAssets()
    parts = read("mail", offices.mail(), tmp_path, assets=assets)
    assert parts[0].head.title == "The grün pump"
    assert dict(parts[0].head.metadata)["from"] == "Ann Grün <ann@example.org>"
    assert texts(parts, "paragraph")[1:] == ["The pump is green."]
    card, far = (one for one in elements(parts) if one.role == "figure")
    assert card.media is not None
    assert far.media is None
    assert "Attached words" not in str(parts)


def test_a_plain_body_has_characters_of_its_part(tmp_path: Path) -> None:
    parts = read("mail", offices.mail(html=False), tmp_path)
    [cellar] = [one for one in elements(parts) if "cellar" in one.text]
    part, span = cellar.origin.places
    assert part == MarkupPath("/1")
    assert isinstance(span, CharSpan)
    assert "The pump is green.\n\nIt stands in the cellar.\n"[span.start : span.end] == cellar.text


def test_attachments_are_members_and_pictures_inside_are_not(tmp_path: Path) -> None:
    found = members("mail", offices.mail(), tmp_path)
    assert list(found) == ["notes.txt", "Older words.eml"]
    assert found["notes.txt"].strip() == b"Attached words."
    assert media_type("x.eml", found["Older words.eml"]) == "message/rfc822"
    assert b"ten metres" in found["Older words.eml"]


def test_outlook_is_read_like_a_mail(tmp_path: Path) -> None:
    parts = read("outlook", messages.outlook(), tmp_path)
    assert texts(parts, "heading") == ["The grün pump"]
    assert texts(parts, "paragraph")[1:] == ["The pump is green.", "It stands in the cellar."]
    assert members("outlook", messages.outlook(), tmp_path) == {"notes.txt": b"Attached words."}


def test_the_html_body_of_outlook(tmp_path: Path) -> None:
    rows = "<tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr>"
    html = f"<html><body><p>It is <b>green</b>.</p><table>{rows}</table>"
    parts = read("outlook", messages.outlook(html), tmp_path)
    [prose] = [one for one in elements(parts) if one.text == "It is green."]
    assert prose.origin.places == (MarkupPath("/HTML!/html/body[1]/p[1]"),)
    assert texts(parts, "table") == ["| a | b |\n| --- | --- |\n| 1 | 2 |"]


def test_an_encrypted_mail_says_so(tmp_path: Path) -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "ann@example.org", "Secret"
    message.set_content(b"\x30\x80noise", "application", "pkcs7-mime")
    parts = read("mail", message.as_bytes(), tmp_path)
    assert "encrypted" in notices(parts)


def test_a_charset_that_lies_costs_no_mail(tmp_path: Path) -> None:
    head = b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=%s\r\n\r\n"
    for charset, words in ((b"utf-8", "Größe".encode("latin-1")), (b"klingon", "Größe".encode())):
        assert "Gr" in texts(read("mail", head % charset + words, tmp_path), "paragraph")[-1]


@pytest.mark.parametrize("depth", [50, 3000])
def test_parts_in_parts_in_parts_end(depth: int, tmp_path: Path) -> None:
    data = b"From: a@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n"
    for number in range(depth):
        data += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
    data += b"Content-Type: text/plain\r\n\r\nDeep words.\r\n"
    try:
        assert "Deep words." in texts(read("mail", data, tmp_path), "paragraph")
    except SourceError as error:
        if depth != 3000 or error.kind not in ("limit", "damaged"):
            raise


def test_many_parts_are_a_limit(tmp_path: Path) -> None:
    head = b"From: a@example.org\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    data = head + b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" * 3000 + b"--b--\r\n"
    with pytest.raises(SourceError, match="2,000 parts") as caught:
        read("mail", data, tmp_path)
    assert caught.value.kind == "limit"
