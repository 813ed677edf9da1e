"""The command `rag`: each subcommand is a component under `commands/`, loaded only when it is named."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any

from rag import registry
from rag.errors import RagError

KIND = "pipelines/commands"
OK, FAILED, USAGE = 0, 1, 2
DESCRIPTION = """\
Argus answers questions over PDFs, web pages, images and text, and shows its evidence.

  rag add reports/ page.html      ingest files and folders into ./.rag
  rag ask "What was revenue?"     answer, each sentence with its source
  rag search "revenue" --k 5      find passages, tables and figures
  rag show ID                     open one: its text, or its place on the page
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a name may hold letters that the terminal's charset lacks
            stream.reconfigure(errors="backslashreplace")
    command = next((word for word in given if not word.startswith("-")), "")
    try:
        parser = _parser(command)
        options = parser.parse_args(given)
        if options.run is None:
            parser.print_help()
            return USAGE
        if arguments is None:  # this process is ours
            signal.signal(signal.SIGTERM, _stopped)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on where this one was", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output (head, less) has gone; Python would complain again at exit.
        sys.stderr.close()
        return OK
    except OSError as error:  # a full disk, a folder that may not be written
        named = f"{error.filename}: " if error.filename else ""
        print(f"rag {command}: {named}{error.strerror or error}", file=sys.stderr)
        return FAILED
    except (RagError, ValueError) as error:
        print(f"rag {command}: {error}", file=sys.stderr)
        return USAGE if isinstance(error, ValueError) else FAILED


def _stopped(*_: object) -> None:
    """A polite request to end (a service manager's, `kill`) ends as Ctrl-C does: in good order."""
    raise KeyboardInterrupt


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rag", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="`rag COMMAND --help` tells more. Argus is Apache-2.0; its PDF engine PyMuPDF is AGPL or commercial.",
    )  # fmt: skip
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.set_defaults(run=None)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    # Only the command that is run is loaded; the list of all needs them all, for their help.
    named = f"{KIND}/{command}"
    known = registry.built_in(named) or named in registry.names(KIND)
    for name in [named] if known else registry.names(KIND):
        loaded: Any = registry.load(name)()
        child = commands.add_parser(
            name.removeprefix(KIND + "/"), help=loaded.help, description=loaded.description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        loaded.arguments(child)
        child.set_defaults(run=loaded.run)
    return parser


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        import rag

        print(f"rag {rag.__version__}")
        parser.exit()


if __name__ == "__main__":
    raise SystemExit(main())
