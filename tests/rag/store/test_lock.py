"""One writer a corpus."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from rag.errors import CorpusError
from rag.store.lock import write_lock

HOLDER = """
import sys, time
from pathlib import Path
from rag.store.lock import write_lock
with write_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(120)
"""


@contextmanager
def another(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_a_second_process_is_refused_and_told_who_writes(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        with pytest.raises(CorpusError, match="is being written by") as caught, write_lock(tmp_path):
            pass
        assert f"process {process.pid} on" in str(caught.value)
        assert platform.node() in str(caught.value)
        assert json.loads((tmp_path / "writer.json").read_text())["pid"] == process.pid


def test_the_lock_dies_with_a_killed_process(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert (tmp_path / "writer.json").exists(), "its note is stale"
        with write_lock(tmp_path):
            assert json.loads((tmp_path / "writer.json").read_text())["pid"] == os.getpid()


def test_it_is_given_back(tmp_path: Path) -> None:
    for _ in range(2):
        with write_lock(tmp_path):
            pass
    assert not (tmp_path / "writer.json").exists()
    with pytest.raises(KeyError), write_lock(tmp_path):
        raise KeyError
    with write_lock(tmp_path):
        pass


def test_threads_of_one_process_exclude_each_other(tmp_path: Path) -> None:
    told: list[str] = []

    def write() -> None:
        try:
            with write_lock(tmp_path):
                told.append("written")
        except CorpusError as error:
            told.append(str(error))

    with write_lock(tmp_path):
        thread = Thread(target=write)
        thread.start()
        thread.join()
    assert f"process {os.getpid()}" in told[0]


def test_waiting_for_it(tmp_path: Path) -> None:
    with another(tmp_path) as process:
        killer = Thread(target=lambda: (process.kill(), process.wait()))
        killer.start()
        with write_lock(tmp_path, timeout=20):
            pass
        killer.join()


@pytest.mark.parametrize(
    "note",
    [b"", b"{", b"[]", b"3", b"\xff", b"{}", b'{"pid": 1, "host": "h"}', b'{"pid": 1, "host": "h", "since": "x"}',
             b'{"pid": 1, "host": "h", "since": 1e300}', b'{"pid": null, "host": [], "since": null}'],
)  # fmt: skip
def test_an_odd_note_is_no_trouble(tmp_path: Path, note: bytes) -> None:
    with write_lock(tmp_path):
        (tmp_path / "writer.json").write_bytes(note)
        with pytest.raises(CorpusError, match="is being written by"), write_lock(tmp_path):
            pass


def test_a_note_cannot_play_tricks_on_a_terminal(tmp_path: Path) -> None:
    with write_lock(tmp_path):
        (tmp_path / "writer.json").write_text(json.dumps({"pid": "\x1b[2J", "host": "\x1b[2J", "since": 1}))
        with pytest.raises(CorpusError) as caught, write_lock(tmp_path):
            pass
        assert "\x1b" not in str(caught.value)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CorpusError, match="cannot be written"), write_lock(tmp_path / "file"):
        pass
