"""A server that speaks Qdrant's REST API, for tests: what it does is done by Qdrant's own local mode.

It takes the calls that `retrievers/indexes/qdrant` makes and no others. Each body is read by the models that
Qdrant's client has from the published OpenAPI description, which forbid what they do not know: a request that
a real server would not understand is refused here, too. It stands in for the wire (addresses, keys, statuses,
connections), not for Qdrant's engine.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

from tests.golden.servers import LOCAL, Asked, Reply, Server

_PATH = re.compile(r"/collections/([A-Za-z0-9._-]+)((?:/[a-z]+)*)")
_UPSERT: TypeAdapter[Any] = TypeAdapter(models.PointInsertOperations)
_DELETE: TypeAdapter[Any] = TypeAdapter(models.PointsSelector)


class QdrantServer:
    """Its collections live in memory. `faults` are answered first, one a request, None being no fault.

    `key` is what it wants as `api-key`; `indexed` are the payload indexes of each collection.
    """

    def __init__(self, key: str = "") -> None:
        self.key = key
        self.faults: deque[Reply | None] = deque()
        self.indexed: dict[str, dict[str, str]] = {}
        self.engine = QdrantClient(":memory:")
        self._lock = Lock()
        self.server = Server(self._answer)

    @property
    def url(self) -> str:
        return f"http://{LOCAL}:{self.server.port}"

    @property
    def asked(self) -> list[Asked]:
        """The requests that it had."""
        return self.server.asked

    @contextmanager
    def serving(self) -> Iterator[QdrantServer]:
        with self.server.serving():
            yield self

    def _answer(self, asked: Asked) -> Reply:
        with self._lock:
            if self.faults and (fault := self.faults.popleft()) is not None:
                return fault
            if self.key and asked.headers.get("api-key") != self.key:
                return Reply(b"Must provide an API key or an Authorization bearer token", 401)
            address = urlsplit(asked.path)
            found = _PATH.fullmatch(address.path)
            call = _CALLS.get((asked.method, found[2])) if found else None
            if found is None or call is None:
                return Reply(b"", 404)
            try:
                return _told(call(self, found[1], asked.body, parse_qs(address.query)))
            except (ValidationError, json.JSONDecodeError) as error:
                return _failed(f"Format error in JSON body: {error}", 400)
            except ValueError as error:
                missing = "not found" in str(error)
                return _failed(f"Not found: {error}" if missing else f"Wrong input: {error}", 404 if missing else 400)

    # --- calls -----------------------------------------------------------------------------------

    def exists(self, name: str, body: bytes, query: Any) -> Any:
        return {"exists": self.engine.collection_exists(name)}

    def create(self, name: str, body: bytes, query: Any) -> Any:
        asked = models.CreateCollection.model_validate_json(body)
        if self.engine.collection_exists(name):
            raise ValueError(f"Collection `{name}` already exists!")
        return self.engine.create_collection(name, vectors_config=asked.vectors)

    def drop(self, name: str, body: bytes, query: Any) -> Any:
        self.indexed.pop(name, None)
        return self.engine.delete_collection(name)

    def index(self, name: str, body: bytes, query: Any) -> Any:
        asked = models.CreateFieldIndex.model_validate_json(body)
        self.engine.count(name)
        self.indexed.setdefault(name, {})[asked.field_name] = str(asked.field_schema.value)  # type: ignore[union-attr]
        return {"operation_id": 0, "status": "completed"}

    def upsert(self, name: str, body: bytes, query: Any) -> Any:
        asked = _UPSERT.validate_json(body)
        _waited(query)
        return self.engine.upsert(name, asked.points)

    def delete(self, name: str, body: bytes, query: Any) -> Any:
        asked = _DELETE.validate_json(body)
        _waited(query)
        return self.engine.delete(name, asked)

    def retrieve(self, name: str, body: bytes, query: Any) -> Any:
        asked = models.PointRequest.model_validate_json(body)
        return self.engine.retrieve(name, asked.ids, asked.with_payload or False, asked.with_vector or False)

    def count(self, name: str, body: bytes, query: Any) -> Any:
        asked = models.CountRequest.model_validate_json(body)
        return self.engine.count(name, asked.filter, exact=bool(asked.exact))

    def search(self, name: str, body: bytes, query: Any) -> Any:
        asked = models.QueryRequest.model_validate_json(body)
        return self.engine.query_points(
            name, asked.query, query_filter=asked.filter, limit=asked.limit or 10,
            with_payload=asked.with_payload or False,
        )  # fmt: skip


_CALLS: dict[tuple[str, str], Callable[[QdrantServer, str, bytes, Any], Any]] = {
    ("GET", "/exists"): QdrantServer.exists,
    ("PUT", ""): QdrantServer.create,
    ("DELETE", ""): QdrantServer.drop,
    ("PUT", "/index"): QdrantServer.index,
    ("PUT", "/points"): QdrantServer.upsert,
    ("POST", "/points/delete"): QdrantServer.delete,
    ("POST", "/points"): QdrantServer.retrieve,
    ("POST", "/points/count"): QdrantServer.count,
    ("POST", "/points/query"): QdrantServer.search,
}


def _waited(query: dict[str, list[str]]) -> None:
    """What is not waited for may not be there when the commit is told."""
    if query.get("wait") != ["true"]:
        raise ValueError("wait=true is missing")


def _told(result: Any) -> Reply:
    plain = [one.model_dump(mode="json") for one in result] if isinstance(result, list) else result
    plain = plain.model_dump(mode="json") if isinstance(plain, BaseModel) else plain
    body = {"result": plain, "status": "ok", "time": 0.0}
    return Reply(json.dumps(body).encode(), headers={"Content-Type": "application/json"})


def _failed(message: str, status: int) -> Reply:
    conflict = "already exists" in message
    body = {"status": {"error": message}, "time": 0.0}
    return Reply(
        json.dumps(body).encode(), 409 if conflict else status, {"Content-Type": "application/json"}
    )  # fmt: skip
