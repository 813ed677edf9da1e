"""Qdrant beside the contract: the wire, what is sent, and what is left of a commit that was cut off."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import models
from rag.retrievers.indexes import qdrant, qdrant_clients, qdrant_filters
from rag.retrievers.indexes.exact import Exact
from rag.retrievers.indexes.maxsim import MaxSim
from rag.retrievers.indexes.qdrant import Qdrant, QdrantTokens

from rag.errors import ConfigError, CorpusError
from rag.filters import And, Eq, Filter, Glob, In, Not, Or, Range
from rag.identity import digest
from rag.store.catalog import Catalog
from rag.store.resolving import lasting
from tests.golden.qdrants import QdrantServer
from tests.golden.servers import Reply
from tests.rag.store.small import Doc, filled, piece

DIM = 8
KEY = "a-key-of-the-tests"
GONE = Reply(status=0)
BUSY = Reply(b'{"status": {"error": "too many"}}', 429, {"Retry-After": "7"})


def units(count: int, seed: int = 0) -> Any:
    vectors = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    qdrant._OPEN.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited before it tried again."""
    waited: list[float] = []
    monkeypatch.setattr(qdrant_clients, "_sleep", waited.append)
    return waited


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Iterator[QdrantServer]:
    with QdrantServer(KEY).serving() as one:
        monkeypatch.setenv("QDRANT_URL", one.url)
        monkeypatch.setenv("QDRANT_API_KEY", KEY)
        yield one


def served(folder: Path, count: int = 10, generation: int = 5) -> Qdrant:
    index = Qdrant(folder, DIM, server=True)
    index.add([str(n) for n in range(count)], units(count))
    index.commit(generation)
    return index


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


# --- filters -------------------------------------------------------------------------------------


def documents(count: int) -> list[Doc]:
    pieces = [piece(f"text {n}", n, "paragraph") for n in range(1, 6)]
    return [Doc(f"{n}.pdf", pieces, [(f"{n}.pdf", {"n": n, "even": n % 2 == 0})]) for n in range(count)]


def stored(folder: Path, docs: Sequence[Doc]) -> tuple[Qdrant, Catalog]:
    """An index with the chunks of these documents."""
    catalog = Catalog(filled(folder / "catalog.sqlite", *docs))
    index = Qdrant(folder / "index", DIM, catalog, server=True)
    chunks = [chunk for doc in docs for chunk in doc.chunks()]
    told = [lasting(one.origin.source.digest, one.modality, one.role, 1 + n % 5, 1 + n % 5)
            for n, one in enumerate(chunks)]  # fmt: skip
    index.add([one.id for one in chunks], units(len(chunks)), told)
    index.commit(1)
    return index, catalog


def sent(server: QdrantServer) -> dict[str, Any]:
    """The body of the last request."""
    body: dict[str, Any] = json.loads(server.asked[-1].body)
    return body


def test_a_filter_is_sent_as_what_it_says(tmp_path: Path, server: QdrantServer) -> None:
    docs = documents(6)
    index, catalog = stored(tmp_path, docs)
    (found,) = index.search(units(1), 99, And((Range("page", 2, 3), Eq("label.n", 4))))
    assert {id for id, _ in found} == {chunk.id for chunk in docs[4].chunks()[1:3]}
    text = json.dumps(sent(server)["filter"])
    assert digest("4.pdf")[:8] in text
    assert '"gte": 2.0' in text
    assert '"lte": 3.0' in text
    assert "has_id" not in text
    catalog.close()


def test_a_chunk_over_several_pages_is_on_each(tmp_path: Path, server: QdrantServer) -> None:
    class Whole:
        def resolved(self, where: Filter) -> Filter:
            return where

    index = Qdrant(tmp_path, DIM, Whole(), server=True)  # type: ignore[arg-type]
    index.add(
        ["long", "none"], units(2), [lasting(digest("d"), "text", "note", pages, pages and 5) for pages in (2, None)]
    )
    index.commit(1)
    cases: list[tuple[Filter, list[str]]] = [
        (Eq("page", 1), []), (Eq("page", 2), ["long"]), (Eq("page", 4), ["long"]), (Eq("page", 6), []),
        (Range("page", None, 1), []), (Range("page", 0, 2), ["long"]), (Range("page", 5, 9), ["long"]),
        (Range("page", 3, 4), ["long"]), (Range("page", 6, None), []), (Not(Range("page", 1, 9)), ["none"]),
        (In("page", (1, 5)), ["long"]), (Not(Eq("page", 3)), ["none"]),
    ]  # fmt: skip
    for where, wanted in cases:
        (found,) = index.search(units(1), 9, where)
        assert [id for id, _ in found] == wanted, where


def test_labels_that_change_need_no_point_to_change(tmp_path: Path, server: QdrantServer) -> None:
    from rag.store.writer import Writer

    docs = documents(4)
    index, catalog = stored(tmp_path, docs)
    writer = Writer(tmp_path / "catalog.sqlite")
    writer.set_labels("/data/1.pdf", {"n": 99})
    writer.rename("/data/2.pdf", "/data/renamed.pdf", docs[2].source("renamed.pdf"))
    writer.close()
    before = len([one for one in server.asked if one.method == "PUT"])
    for where, doc in ((Eq("label.n", 99), docs[1]), (Eq("source", "renamed.pdf"), docs[2])):
        (found,) = index.search(units(1), 99, where)
        assert {id for id, _ in found} == {chunk.id for chunk in doc.chunks()}
    assert index.search(units(1), 9, Eq("label.n", 1)) == [[]]
    assert len([one for one in server.asked if one.method == "PUT"]) == before
    catalog.close()


def test_half_of_the_documents_is_told_by_the_other_half(tmp_path: Path, server: QdrantServer) -> None:
    index, catalog = stored(tmp_path, documents(21))
    (found,) = index.search(units(1), 999, Eq("label.even", True))
    assert len(found) == 11 * 5
    assert json.dumps(sent(server)["filter"]).count("-4") <= 10 + 10  # UUIDs of ten documents, of no chunk
    assert len(json.dumps(sent(server)["filter"])) < 700
    catalog.close()


def test_a_filter_too_large_for_a_request_goes_in_several(
    tmp_path: Path, server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = documents(12)
    index, catalog = stored(tmp_path, docs)
    where = Or((In("label.n", tuple(range(5))), And((Eq("page", 1), In("label.n", (8, 9))))))
    wanted = index.search(units(2), 7, where)
    monkeypatch.setattr(qdrant_filters, "MOST_VALUES", 2)
    server.asked.clear()
    assert index.search(units(2), 7, where) == wanted
    assert len(server.asked) == 2 * (3 + 1)
    cases: list[Filter] = [Not(In("label.n", (1, 2, 3))), Glob("role", "para*"), Eq("page", "1")]
    for one in cases:  # what cannot be said or parted goes as ids
        server.asked.clear()
        (found,) = index.search(units(1), 99, one)
        assert {id for id, _ in found} == catalog.matching(one)
        assert "has_id" in sent(server)["filter"]["must"][0]
    catalog.close()


def test_points_that_were_told_nothing_are_filtered_by_id(tmp_path: Path, server: QdrantServer) -> None:
    docs = documents(3)
    index, catalog = stored(tmp_path, docs)
    ids = [chunk.id for chunk in docs[0].chunks()]
    index.add(ids[:1], units(1))
    index.commit(2)
    (found,) = index.search(units(1), 99, Eq("page", 1))
    assert len(found) == 3
    assert "has_id" in json.dumps(sent(server)["filter"])
    catalog.close()


# --- in this process -----------------------------------------------------------------------------


def test_the_same_as_exact_search(tmp_path: Path) -> None:
    ids = [f"{number:03}" for number in range(50)]
    ours, theirs = Exact(tmp_path / "a", DIM), Qdrant(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, units(50))
        index.commit(3)
    for one, two in zip(ours.search(units(6, 1), 9), theirs.search(units(6, 1), 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-5)


def test_multivectors_are_compared_as_ours(tmp_path: Path) -> None:
    ids, arrays = [f"{number:03}" for number in range(40)], [units(1 + n % 7, n) for n in range(40)]
    ours, theirs = MaxSim(tmp_path / "a", DIM), QdrantTokens(tmp_path / "b", DIM)
    for index in (ours, theirs):
        index.add(ids, arrays)
        index.commit(3)
    for one, two in zip(ours.search([units(3, 99)], 9), theirs.search([units(3, 99)], 9), strict=True):
        assert [id for id, _ in one] == [id for id, _ in two]
        assert [score for _, score in one] == pytest.approx([score for _, score in two], abs=1e-3)


def test_it_is_there_after_closing_and_moving(tmp_path: Path) -> None:
    index = Qdrant(tmp_path / "a", DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    before = index.search(units(1, 1), 2)
    qdrant._OPEN.close()
    (tmp_path / "a").rename(tmp_path / "b")
    again = Qdrant(tmp_path / "b", DIM)
    assert (again.generation, len(again), again.search(units(1, 1), 2)) == (5, 2, before)
    assert Qdrant(tmp_path / "b", DIM, server=True).generation == -1
    assert Qdrant(tmp_path / "b", DIM + 1).generation == -1
    assert QdrantTokens(tmp_path / "b", DIM).generation == -1


def test_a_commit_cut_off_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = Qdrant(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)

    def stop(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(qdrant, "write_atomically", stop)
    index.add(["c"], units(1, 2))
    with pytest.raises(KeyboardInterrupt):
        index.commit(6)
    monkeypatch.undo()
    again = Qdrant(tmp_path, DIM)
    assert again.generation == 5
    again.add(["c"], units(1, 2))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 3)


def test_what_a_corpus_brings_is_never_unpickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pickle

    def refuse(*given: object, **named: object) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "loads", refuse)
    from qdrant_client import QdrantClient

    theirs = QdrantClient(path=str(tmp_path / "local"))
    theirs.create_collection("argus", vectors_config=models.VectorParams(size=DIM, distance=models.Distance.DOT))
    theirs.upsert("argus", [models.PointStruct(id=1, vector=[0.0] * DIM, payload={})])
    theirs.close()
    for name in ("state.json", "qdrant.json"):
        state = {"generation": 5, "dim": DIM, "server": False, "multi": False}
        (tmp_path / name).write_text(json.dumps(state))
        index = Qdrant(tmp_path, DIM)
        assert (index.generation, index.search(units(1), 1)) == (-1, [[]])
    index.add(["a"], units(1))
    index.commit(1)
    qdrant._OPEN.close()
    assert Qdrant(tmp_path, DIM).search(units(1), 1)[0][0][0] == "a"
    assert sorted(one.suffix for one in tmp_path.iterdir()) == [".json", ".json", ".npy", ".npy"]


def test_two_processes_see_each_others_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = qdrant_clients.Clients(), qdrant_clients.Clients()

    def by(clients: qdrant_clients.Clients, *ids: str) -> list[str]:
        monkeypatch.setattr(qdrant, "_OPEN", clients)
        index = Qdrant(tmp_path, DIM)
        if ids:
            index.add(ids, units(len(ids)))
            index.commit(index.generation + 2)
        return sorted(id for id, _ in index.search(units(1), 9)[0])

    assert by(first, "a", "b") == by(second) == ["a", "b"]
    assert by(second, "c") == by(first) == ["a", "b", "c"]
    assert by(first, "d") == by(second) == ["a", "b", "c", "d"]


@pytest.mark.parametrize("change", [{"files": "../other"}, {"files": 3.5}, {"generation": None}, {"generation": "9"}])
def test_a_state_names_no_file_elsewhere(tmp_path: Path, change: dict[str, Any]) -> None:
    index = Qdrant(tmp_path / "a", DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    for kind in ("vectors.npy", "counts.npy", "points.json"):
        (file,) = (tmp_path / "a").glob(f"*.{kind}")
        shutil.copy(file, tmp_path / f"other.{kind}")
    state = tmp_path / "a" / "qdrant.json"
    state.write_text(json.dumps({**json.loads(state.read_text()), **change}))
    assert (index.generation, len(index), index.search(units(1), 1)) == (-1, 0, [[]])


def test_tokens_are_kept(tmp_path: Path) -> None:
    index = QdrantTokens(tmp_path, DIM)
    arrays = [units(3), units(1, 1), units(5, 2)]
    index.add(["a", "b", "c"], arrays)
    index.commit(1)
    qdrant._OPEN.close()
    for ours, theirs in zip(QdrantTokens(tmp_path, DIM).vectors(["a", "b", "c"]), arrays, strict=True):
        assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.parametrize("damage", ["gone", "cut", "other", "pickled"])
@pytest.mark.parametrize("kind", ["vectors.npy", "counts.npy", "points.json"])
def test_damaged_files_are_told_and_built_anew(tmp_path: Path, kind: str, damage: str) -> None:
    index = Qdrant(tmp_path, DIM)
    index.add(["a", "b"], units(2))
    index.commit(5)
    qdrant._OPEN.close()
    (file,) = tmp_path.glob(f"*.{kind}")
    if damage == "gone":
        file.unlink()
    elif damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif damage == "other":
        np.save(file.with_suffix(".npy"), np.zeros((3, 3)))
        file.with_suffix(".npy").replace(file)
    else:
        with open(file, "wb") as out:
            np.save(out, np.array([{}], object), allow_pickle=True)
    again = Qdrant(tmp_path, DIM)
    for ask in (lambda: len(again), lambda: again.search(units(1), 1)):
        with pytest.raises(CorpusError, match="rag check --repair"):
            ask()
    again.clear()
    again.add(["x"], units(1))
    again.commit(6)
    assert (again.generation, len(again)) == (6, 1)
    assert len(list(tmp_path.glob("*.npy"))) == 2
