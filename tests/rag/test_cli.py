"""The command itself; what each subcommand does is tested beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from rag.cli import main
from tests.rag.plugins import installed


class Greet:
    """A command as another package would bring it."""

    help = "greet"
    description = "Greet."

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name")

    def run(self, options: Namespace) -> int:
        print(f"good day, {options.name}")
        return 0


def test_a_package_may_bring_a_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with installed(monkeypatch, tmp_path, greeting={"pipelines/commands/greet": "tests.rag.test_cli:Greet"}):
        assert main(["greet", "Ada"]) == 0
    assert capsys.readouterr().out == "good day, Ada\n"


def test_two_packages_with_the_same_command_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    greet = {"pipelines/commands/greet": "tests.rag.test_cli:Greet"}
    with installed(monkeypatch, tmp_path, one=greet, two=greet):
        assert main(["greet", "Ada"]) == 1
    told = capsys.readouterr().err
    assert "is offered by both" in told
    assert "Traceback" not in told


def test_a_polite_request_to_stop_ends_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("The gauge is on the roof.\n")
    command = [sys.executable, "-m", "rag.cli", "search", "--queries", "-", "--corpus", str(tmp_path / "corpus")]
    subprocess.run([*command[:3], "add", str(tmp_path / "text.txt"), "--corpus", command[-1]], check=True)
    process = subprocess.Popen(
        [*command, "--json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    assert process.stderr
    process.stdin.write(b'{"id": 1, "query": "gauge"}\n' * 2)
    process.stdin.flush()
    assert process.stdout.readline().startswith(b'{"id": 1')
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    assert b"Traceback" not in process.stderr.read()
