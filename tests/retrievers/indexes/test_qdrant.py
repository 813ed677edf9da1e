"""Qdrant beside the contract: the wire, and what is left of a commit that was cut off."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from rag.retrievers.indexes import qdrant, qdrant_clients, qdrant_filters
from rag.retrievers.indexes.qdrant import Qdrant

from rag.errors import ConfigError, CorpusError
from tests.golden.qdrants import QdrantServer
from tests.golden.servers import Reply
from tests.retrievers.indexes.served import DIM, KEY, served, units

pytestmark = pytest.mark.usefixtures("closed")
GONE = Reply(status=0)
BUSY = Reply(b'{"status": {"error": "too many"}}', 429, {"Retry-After": "7"})


def test_opening_connects_to_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QDRANT_URL", raising=False)
    index = Qdrant(tmp_path / "vectors", DIM, server=True)
    assert (index.generation, len(index), index.search(units(1), 1)) == (-1, 0, [[]])
    assert not (tmp_path / "vectors").exists()
    index.add(["a"], units(1))
    with pytest.raises(ConfigError, match="QDRANT_URL"):
        index.commit(1)


@pytest.mark.parametrize("bad", ["localhost:6333", "ftp://host", "http://host:no", "http://user:secret@host"])
def test_an_address_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: str) -> None:
    monkeypatch.setenv("QDRANT_URL", bad)
    index = Qdrant(tmp_path, DIM, server=True)
    index.add(["a"], units(1))
    with pytest.raises(ConfigError) as told:
        index.commit(1)
    assert "secret" not in str(told.value)


# --- the wire ------------------------------------------------------------------------------------


def test_every_request_bears_the_key_and_keeps_to_the_address(tmp_path: Path, server: QdrantServer) -> None:
    index = served(tmp_path)
    assert (len(index), len(index.search(units(2, 1), 3)), len(index.vectors(["3", "4"]))) == (10, 2, 2)
    index.remove(["3"])
    index.commit(6)
    assert len(index) == 9
    for asked in server.asked:
        assert asked.headers["api-key"] == KEY
        assert asked.headers["host"] == server.url.removeprefix("http://")
        assert asked.path.startswith("/collections/argus-")
        assert "cookie" not in asked.headers
    assert list(server.indexed.values()) == [dict(qdrant_filters.FIELDS)]


def test_the_client_opens_no_socket_of_its_own(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("a socket beside the door")

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", refuse)
    index = served(tmp_path)
    index.remove(["1"])
    index.commit(6)
    assert (len(index), len(index.search(units(1), 3)[0]), len(index.vectors(["2"]))) == (9, 3, 1)


def test_no_proxy_no_redirect(tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    index = served(tmp_path)
    with QdrantServer().serving() as other:
        server.faults.append(Reply(b"", 307, {"Location": f"{other.url}/collections/x"}))
        with pytest.raises(CorpusError, match="redirects are not followed"):
            index.search(units(1), 1)
        assert other.asked == []


def test_a_wrong_key_is_told_and_not_shown(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QDRANT_API_KEY", "another-secret-key")
    with pytest.raises(CorpusError, match=r"401.*QDRANT_API_KEY") as told:
        served(tmp_path)
    assert "another-secret-key" not in str(told.value)
    assert len(server.asked) == 1, "no second try"


@pytest.mark.parametrize("fault", [BUSY, Reply(b"", 503), GONE])
def test_what_may_pass_is_tried_again(
    tmp_path: Path, server: QdrantServer, waits: list[float], fault: Reply
) -> None:  # fmt: skip
    index = served(tmp_path)
    wanted = index.search(units(1), 3)
    server.faults.extend([fault, fault])
    assert index.search(units(1), 3) == wanted
    assert len(waits) == 2
    assert all(wait >= (7 if fault is BUSY else 0) for wait in waits)
    server.faults.extend([fault] * qdrant_clients.ATTEMPTS)
    with pytest.raises(CorpusError, match=r"429: too many|503|broke off.*is the server"):
        index.search(units(1), 3)
    assert not server.faults


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = served(tmp_path)
    server.server.encrypt(tmp_path)
    server.asked.clear()
    monkeypatch.setenv("QDRANT_URL", server.url.replace("http://", "https://"))
    with pytest.raises(CorpusError, match=r"(?i)certificate"):
        index.search(units(1), 1)
    assert server.asked == []


def test_threads_ask_at_once(tmp_path: Path, server: QdrantServer) -> None:
    index = served(tmp_path)
    wanted = index.search(units(8, 3), 4)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: index.search(one[None], 4)[0], units(8, 3))) == wanted


def test_a_server_that_is_down_is_told(tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch) -> None:
    index = served(tmp_path)
    monkeypatch.setenv("QDRANT_URL", "http://127.0.0.1:1")
    with pytest.raises(CorpusError, match="is the server of QDRANT_URL up"):
        len(index)


def test_what_is_no_answer_is_told(tmp_path: Path, server: QdrantServer) -> None:
    index = served(tmp_path)
    for body in (b"<html>", b"{}", b'{"result": 3}', b"\xff"):
        server.faults.append(Reply(body))
        with pytest.raises(CorpusError):
            index.search(units(1), 1)


def test_many_vectors_go_in_requests_that_a_server_takes(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant, "_NUMBERS", 10 * DIM)
    monkeypatch.setattr(qdrant, "_WAITING", 30)
    index = Qdrant(tmp_path, DIM, server=True)
    for start in range(0, 100, 20):
        index.add([str(n) for n in range(start, start + 20)], units(100)[start : start + 20])
        assert len(index._pending) < 30, "handed over before the commit"
    index.commit(1)
    sent = [json.loads(one.body)["points"] for one in server.asked if one.method == "PUT" and "points?" in one.path]
    assert max(map(len, sent)) == 10
    assert sum(map(len, sent)) == len(index) == 100
    assert np.abs(index.vectors(["99", "0"]) - units(100)[[99, 0]]).max() < 1e-6


# --- what is left when it breaks off -----------------------------------------------------------------


def test_a_first_build_that_breaks_off_is_begun_anew(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(qdrant, "_POINTS", 4)
    calls = 1 + len(qdrant_filters.FIELDS)
    server.faults.extend([*[None] * (calls + 1), *[GONE] * qdrant_clients.ATTEMPTS])  # in the second upsert
    with pytest.raises(CorpusError, match="broke off"):
        served(tmp_path)
    again = Qdrant(tmp_path, DIM, server=True)
    assert (again.generation, len(again)) == (-1, 4)
    again.clear()
    again.add(["x"], units(1))
    again.commit(6)
    assert (again.generation, len(again), len(server.engine.get_collections().collections)) == (6, 1, 1)


def test_changes_that_break_off_are_made_again(tmp_path: Path, server: QdrantServer) -> None:
    index = served(tmp_path)
    index.remove(["1"])
    index.add(["2", "new"], units(2, 9))
    server.faults.extend([None, None, *[GONE] * qdrant_clients.ATTEMPTS])  # after the removal
    with pytest.raises(CorpusError):
        index.commit(6)
    again = Qdrant(tmp_path, DIM, server=True)
    assert (again.generation, len(again)) == (5, 9), "what was committed stands, without what was removed since"
    again.remove(["1"])
    again.add(["2", "new"], units(2, 9))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 10)
    assert np.abs(again.vectors(["2", "new"]) - units(2, 9)).max() < 1e-6


def test_a_creation_whose_answer_was_lost_counts(tmp_path: Path, server: QdrantServer, waits: list[float]) -> None:
    answer = server._answer
    dropped: list[str] = []

    def lost(asked: Any) -> Reply:
        told = answer(asked)
        if asked.method == "PUT" and "/index" not in asked.path and not dropped:
            dropped.append(asked.path)
            return GONE
        return told

    server.server.answer = lost
    assert len(served(tmp_path)) == 10
    assert dropped
    assert len(waits) == 1, "once for the lost answer, not for the conflict after it"


def test_a_collection_that_is_gone_is_told_and_built_anew(tmp_path: Path, server: QdrantServer) -> None:
    index = served(tmp_path)
    (name,) = [one.name for one in server.engine.get_collections().collections]
    server.engine.delete_collection(name)
    for ask in (lambda: len(index), lambda: index.search(units(1), 1), lambda: index.vectors(["1"])):
        with pytest.raises(CorpusError, match=r"any more.*rag check --repair"):
            ask()
    index.add(["new"], units(1))
    index.commit(6)
    assert index.generation == -1, "the others are missing: the store builds it anew"


def test_vectors_of_another_length_are_told(tmp_path: Path, server: QdrantServer) -> None:
    served(tmp_path)
    other = Qdrant(tmp_path, DIM + 1, server=True)
    assert (other.generation, len(other)) == (-1, 0)
    other.clear()
    other.add(["a"], np.ones((1, DIM + 1), np.float32))
    other.commit(7)
    assert (other.generation, len(other)) == (7, 1)
    assert len(server.engine.get_collections().collections) == 1
    (tmp_path / "qdrant.json").write_text(
        json.dumps({**json.loads((tmp_path / "qdrant.json").read_text()), "dim": DIM})
    )  # fmt: skip
    wrong = Qdrant(tmp_path, DIM, server=True)
    wrong.add(["b"], units(1))
    with pytest.raises(CorpusError, match="400"):
        wrong.commit(8)


def test_a_corpus_that_was_moved_or_copied_has_a_collection_of_its_own(tmp_path: Path, server: QdrantServer) -> None:
    one = served(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    two = Qdrant(tmp_path / "b", DIM, server=True)
    assert (two.generation, len(two), two.search(units(1), 1)) == (-1, 0, [[]])
    two.clear()
    two.add(["x"], units(1))
    two.commit(1)
    assert (len(one), len(two), one.generation) == (10, 1, 5)


def test_two_corpora_of_one_path_on_two_machines_do_not_share(tmp_path: Path, server: QdrantServer) -> None:
    one = served(tmp_path / "a")
    (tmp_path / "a").rename(tmp_path / "elsewhere")
    served(tmp_path / "a", 3)
    (tmp_path / "a").rename(tmp_path / "other")
    (tmp_path / "elsewhere").rename(tmp_path / "a")
    assert len(one) == 10


def test_a_collection_of_an_older_version_is_built_anew(tmp_path: Path, server: QdrantServer) -> None:
    index = Qdrant(tmp_path, DIM, server=True)
    old = index._name({})
    shape = models.VectorParams(size=DIM, distance=models.Distance.DOT)
    server.engine.create_collection(old, vectors_config=shape)
    (tmp_path / "state.json").write_text(
        json.dumps({"generation": 5, "dim": DIM, "server": True, "multi": False})
    )  # fmt: skip
    assert (index.generation, len(index)) == (-1, 0)
    index.clear()
    index.commit(6)
    assert (index.generation, server.engine.collection_exists(old)) == (6, False)
    assert not (tmp_path / "state.json").exists()


def test_the_state_of_another_index_is_not_taken_for_ours(tmp_path: Path, server: QdrantServer) -> None:
    theirs = json.dumps({"generation": 5, "dim": DIM})
    (tmp_path / "state.json").write_text(theirs)
    assert Qdrant(tmp_path, DIM).generation == -1
    served(tmp_path)
    assert (tmp_path / "state.json").read_text() == theirs
    assert not [one for one in server.asked if one.method == "DELETE"]


def test_another_process_sees_each_commit(tmp_path: Path, server: QdrantServer) -> None:
    reader = Qdrant(tmp_path, DIM, server=True)
    assert reader.search(units(1), 3) == [[]]
    served(tmp_path)
    assert [id for id, _ in reader.search(units(1), 1)[0]] == ["0"]
    served(tmp_path, 12, 6)
    assert (len(reader), reader.generation) == (12, 6)


def test_damaged_states_ask_for_a_build(tmp_path: Path, server: QdrantServer) -> None:
    served(tmp_path)
    for text in ("", "[]", "{", "3", '{"generation": 5}'):
        (tmp_path / "qdrant.json").write_text(text)
        index = Qdrant(tmp_path, DIM, server=True)
        assert (index.generation, len(index)) == (-1, 0)
        index.clear()
        index.commit(1)
        assert index.generation == 1
