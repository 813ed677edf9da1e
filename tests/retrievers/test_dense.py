"""Dense retrieval: what its encoder saw nothing in finds nothing."""

from __future__ import annotations

from pathlib import Path

from rag.retrievers.dense import Dense
from rag.retrievers.indexes.exact import Exact

from rag.answer import query
from tests.golden.catalogs import MemoryCatalog, document
from tests.golden.encoders import HashEncoder

CHUNKS = document("moons", ["Mars has two moons.", "Venus has none."])


def test_a_question_in_which_nothing_is_seen_finds_nothing(tmp_path: Path) -> None:
    """Its vector is zero: all scores would be 0, and the first chunks by id would pass for hits."""
    encoder, catalog = HashEncoder(), MemoryCatalog(CHUNKS)
    index = Exact(tmp_path, encoder.dim, catalog)
    index.add([chunk.id for chunk in CHUNKS], encoder.encode_chunks(CHUNKS))
    index.commit(1)
    found = Dense(encoder, index, catalog).retrieve([query("?!"), query("moons of Mars"), query("...")], 2)
    assert [len(hits) for hits in found] == [0, 2, 0]
    assert found[1][0].chunk.id == CHUNKS[0].id
