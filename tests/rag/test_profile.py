"""Profiles: the user's own tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag import registry
from rag.corpus import Corpus
from rag.document import CharSpan
from rag.errors import ConfigError
from rag.profile import TABLES, built_in, load_profile


def test_the_built_in_profiles_parse_and_name_known_components() -> None:
    assert "local" in built_in()
    assert "corpus" not in built_in()
    for name in built_in():
        profile = load_profile(name)
        assert set(profile) <= TABLES
        for table in ("retriever", "words_only", "selector", "generator", "computed"):
            registry.load(profile[table]["use"])


def test_the_default_calls_out_nowhere() -> None:
    assert "http" not in str(load_profile("local"))
    assert "key" not in str(load_profile("local"))


def written(tmp_path: Path, text: str) -> Path:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    return tmp_path / "mine.toml"


def test_what_a_file_leaves_out_is_as_in_local(tmp_path: Path) -> None:
    mine = load_profile(written(tmp_path, '[generator]\nuse = "generators/mine"\n[ask]\ndepth = 7\n'))
    assert mine["generator"] == {"use": "generators/mine"}
    assert mine["ask"] == {"depth": 7}
    assert mine["selector"] == load_profile("local")["selector"]


def test_variables_are_expanded_at_any_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGUS_HOST", "host")
    monkeypatch.setenv("ARGUS_KEY", "a ${ARGUS_HOST} $x")
    text = '[generator]\nuse = "x"\nkey = "${ARGUS_KEY}"\nurls = [["http://${ARGUS_HOST}:${ARGUS_HOST}"]]\nn = 3\n'
    generator = load_profile(str(written(tmp_path, text)))["generator"]
    assert generator["key"] == "a ${ARGUS_HOST} $x", "what a variable holds is not looked at again"
    assert generator["urls"] == [["http://host:host"]]
    assert generator["n"] == 3


def test_what_is_no_variable_stays(tmp_path: Path) -> None:
    text = "[generator]\nuse = \"x\"\na = '$HOME'\nb = '${}'\nc = '${1}'\nd = '${a b}'\n"
    generator = load_profile(written(tmp_path, text))["generator"]
    assert [generator[key] for key in "abcd"] == ["$HOME", "${}", "${1}", "${a b}"]


def test_an_unset_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARGUS_UNSET", raising=False)
    with pytest.raises(ConfigError, match=r"mine\.toml: environment variable ARGUS_UNSET is not set") as caught:
        load_profile(written(tmp_path, '[generator]\nuse = "x"\nkey = "${ARGUS_UNSET}"\n'))
    assert caught.value.key == "ARGUS_UNSET"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[retrievers]\nuse = "x"\n', "unknown tables retrievers; known: ask, "),
        ("generator = 3\n", "generator must be a table, got 3"),
        ("[generator]\nmodel = 'x'\n", "generator needs `use`"),
        ("[ask]\ndepht = 3\n", "ask takes no 'depht'; it takes 'depth'"),
        ("[ask]\ndepth = 0\n", "depth must be a whole number from 1 on, got 0"),
        ("[ask]\ndepth = true\n", "depth must be a whole number"),
        ("[ask]\ndepth = 'x'\n", "depth must be a whole number"),
        ("[ask\n", "not valid TOML"),
    ],
)
def test_mistakes_name_the_file(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml: ") as caught:
        load_profile(written(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize("name", ["nothing", "local.tom", "corpus", "", "/", "a\0b"])
def test_no_such_profile(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"no profile .*: use local"):
        load_profile(name)


def test_a_profile_names_a_compressor(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('[compressor]\nuse = "retrievers/compressors/html_prune"\nmax_words = 40\n')
    (tmp_path / "page.html").write_text("<p>Rain fell in the night on the roof.</p><p>Nothing else was heard.</p>")
    with Corpus(tmp_path / "corpus", profile=str(profile)) as corpus:
        corpus.add(tmp_path / "page.html", workers=0)
        assert "compressor: retrievers/compressors/html_prune" in corpus.describe()
        assert corpus.ask("When did rain fall on the roof?").evidence


def test_an_optional_table_is_there_where_its_parts_are() -> None:
    from rag.profile import present

    table = {"use": "a", "many": {"x": {"use": "b", "index": "@i", "optional": True}, "y": {"use": "c", "index": "@j"}}}
    assert present(table, {"i"}) == {"use": "a", "many": {"x": {"use": "b", "index": "@i"}, "y": table["many"]["y"]}}  # type: ignore[index]
    assert present(table, {}) == {"use": "a", "many": {"y": {"use": "c", "index": "@j"}}}
    assert present([table["many"]], {}) == [{"y": {"use": "c", "index": "@j"}}]


def test_a_profile_narrows_evidence_to_sentences_that_stand_where_their_places_say(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('[compressor]\nuse = "retrievers/compressors/focus"\ntokens = 62\n')
    page = tmp_path / "log.md"
    page.write_text(
        "# Log\n\nBoats were counted at noon. Rain fell on the roof at nine.\n\nNothing else was heard by us.\n"
    )
    with Corpus(tmp_path / "corpus", profile=str(profile)) as corpus:
        corpus.add(page, workers=0)
        answer = corpus.ask("When did rain fall on the roof?")
        (one,) = answer.evidence
        assert one.text == "Rain fell on the roof at nine."
        (place,) = one.places
        assert isinstance(place, CharSpan)
        assert page.read_text()[place.start : place.end] == one.text
        assert answer.cited[0].where.endswith(f"characters {place.start} to {place.end}")
        assert "compress" in answer.answer.trace
