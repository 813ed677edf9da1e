"""Makes an environment for each peer: their packages are no business of ours.

python benchmarks/peers/install.py [--into DIR] [--only NAME ...]

Each is pinned by the file `NAME.txt` beside this one. They take 1.5 to 2 GB each, most of it torch.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from pathlib import Path

NAMES = ("llamaindex", "langchain", "haystack")
HERE = Path(__file__).resolve().parent


def default_folder() -> Path:
    """Where the environments lie when nothing is said: the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(cache) if os.path.isabs(cache) else Path.home() / ".cache") / "argus" / "peers"


def interpreter(folder: Path, name: str) -> Path:
    """The Python of a peer's environment, whether or not it is there."""
    return folder / name / "bin" / "python"


def ready(folder: Path, name: str) -> bool:
    """Whether an environment was made to its end, from the pins of today."""
    mark = folder / name / "installed.txt"
    return mark.is_file() and mark.read_bytes() == (HERE / f"{name}.txt").read_bytes()


def install(folder: Path, name: str) -> None:
    """An environment with what the file pins; marked only when all of it is there."""
    venv.create(folder / name, with_pip=True, clear=True)
    python = str(interpreter(folder, name))
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", str(HERE / f"{name}.txt")], check=True)
    (folder / name / "installed.txt").write_bytes((HERE / f"{name}.txt").read_bytes())


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=Path, default=default_folder(), help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=list(NAMES))
    options = parser.parse_args(given)
    for name in options.only:
        if ready(options.into, name):
            print(f"{name}: there already")
            continue
        print(f"{name}: installing into {options.into / name}", flush=True)
        try:
            install(options.into, name)
        except subprocess.CalledProcessError as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
