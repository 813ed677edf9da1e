"""Bytes to text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.charsets import decode, known

SAMPLES = [
    ("cp1252", "Le café où l’été était déjà passé; ça coûte 5 €."),
    ("cp1252", "Der Bär läuft über die Straße und fühlt sich schön."),
    ("cp1250", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
    ("cp1251", "Съешь же ещё этих мягких французских булок, да выпей чаю."),
    ("koi8-r", "Съешь же ещё этих мягких французских булок, да выпей чаю."),
    ("cp1253", "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία"),
    ("cp932", "いろはにほへと ちりぬるを 日本語の文章です。"),
    ("euc_jp", "いろはにほへと ちりぬるを 日本語の文章です。"),
    ("gb18030", "天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。这是一个中文的文档。"),
    ("big5", "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。這是一個中文的文件。"),
    ("cp949", "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다."),
]


@pytest.mark.parametrize(("encoding", "text"), SAMPLES)
def test_guesses(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding))[0] == text


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_marks_and_wide_text(encoding: str) -> None:
    assert decode("Grüße and a few words".encode(encoding))[0] == "Grüße and a few words"


def test_a_declaration_comes_before_a_guess() -> None:
    assert decode("ö Ő ű".encode("iso8859-2"), "ISO-8859-2") == ("ö Ő ű", "iso8859-2")
    assert decode("naïve €".encode("cp1252"), "latin1")[0] == "naïve €"  # read as browsers do


def test_utf8_with_a_wrong_label_or_a_broken_byte_is_utf8() -> None:
    assert decode("Größe".encode(), "iso-8859-1") == ("Größe", "utf-8")
    assert decode("Größe und Länge ".encode() * 20 + b"\xff")[1] == "utf-8"
    assert decode("Größe".encode()[:-3])[0].startswith("Gr")


@pytest.mark.parametrize("label", ["", "no-such", "rot13", "zlib", "idna", "unicode_escape", "a\0b", "utf-7"])
def test_labels_that_are_no_charsets(label: str) -> None:
    assert known(label) == ""


@given(st.binary(max_size=500), st.text(max_size=20))
def test_any_bytes_decode(data: bytes, label: str) -> None:
    text, encoding = decode(data, label)
    assert decode(data, label) == (text, encoding)


@given(st.text())
def test_utf8_comes_back(text: str) -> None:
    data = text.encode("utf-8", errors="ignore")
    plain = data.decode()
    if "\0" not in plain and not plain.startswith("\ufeff"):
        assert decode(data)[0] == plain
