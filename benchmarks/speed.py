"""Argus and LlamaIndex, LangChain and Haystack on the same documents, in turn, in one run.

python benchmarks/speed.py [--root DIR] [--pages N] [--rounds N] [--peers ...] [--only ...] [--json] [--markdown FILE]

The peers' environments are made once by `python benchmarks/peers/install.py`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

if not __package__:  # run as a file: the folder above holds this package
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks import contest, made, speed_table
from benchmarks.machine import facts
from benchmarks.peers import install

ENDINGS = (".pdf", ".html", ".htm", ".md", ".txt")
WORDS = 330
"""On a page of the made PDFs, of which there are `PARTS`: a folder of one document is nobody's."""
PARTS = 5


def main(given: list[str] | None = None) -> int:
    """0 if all goals were met by what was measured, else 1."""
    options = _options(given)
    rows: list[dict[str, Any]] = []

    def tell(row: dict[str, Any]) -> None:
        rows.append(row)
        print(json.dumps(row, ensure_ascii=False), flush=True)

    found, missing = contest.contenders(["argus", *options.peers], options.environments)
    with tempfile.TemporaryDirectory(prefix="argus-speed-") as temporary:
        folder = Path(temporary)
        docs = documents(folder / "documents", options.root, options.pages)
        questions = asked(folder / "questions.txt", options.questions)
        run = contest.Contest(folder, docs, questions, found, options.rounds)
        tell({**facts(), **described(docs), "peers": {one.name: versions(one) for one in found}, "missing": missing})
        for row in run.tuned():
            tell(row)
        for row in run.run(options.only):
            tell(row)
        tell({**facts(), "name": "machine at the end"})
    judged = speed_table.judged(rows)
    for row in judged:
        tell(row)
    text = speed_table.markdown(rows)
    if options.markdown:
        options.markdown.write_text(text, encoding="utf-8")
    if not options.json:
        print(f"\n{text}")
    for name in missing:
        print(f"{name} was not measured: run python benchmarks/peers/install.py --only {name}", file=sys.stderr)
    failed = [row for row in rows if "error" in row]
    for row in failed:
        print(f"{row['peer']}, {row['name']}: {row['error']}", file=sys.stderr)
    return 1 if failed or not all(row["met"] for row in judged) else 0


def documents(folder: Path, root: Path | None, pages: int) -> Path:
    """The user's documents that everybody reads, or the sample's and made PDFs, copied into a folder."""
    folder.mkdir()
    if root is None:
        for number in range(min(PARTS, pages)):
            share = pages // PARTS + (number < pages % PARTS)
            made.pdf(folder / f"survey-{number + 1}.pdf", share, seed=number + 1, words_a_page=WORDS)
    given = root or made.SAMPLE
    for path in sorted(given.rglob("*")):
        if path.is_file() and path.suffix.lower() in ENDINGS:
            place = folder / path.relative_to(given)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    return folder


def described(docs: Path) -> dict[str, Any]:
    import pymupdf

    files = [path for path in docs.rglob("*") if path.is_file()]
    pages = 0
    for path in files:
        if path.suffix.lower() == ".pdf":
            with pymupdf.open(path) as document:
                pages += len(document)
        else:
            pages += 1
    return {"documents": len(files), "pages": pages, "bytes": sum(path.stat().st_size for path in files)}


def asked(path: Path, count: int) -> Path:
    lines = made.questions(path.with_suffix(".jsonl"), count, 7).read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(json.loads(line)["query"] for line in lines), encoding="utf-8")
    return path


def versions(one: contest.Contender) -> dict[str, str]:
    """The pins of a peer's own packages."""
    pins = Path(install.__file__).with_name(f"{one.name}.txt")
    wanted = ("llama-index-core", "langchain-core", "langchain-chroma", "haystack-ai", "chroma-haystack", "chromadb",
              "pypdf", "sentence-transformers", "torch")  # fmt: skip
    if not pins.is_file():
        return {}
    pairs = (line.strip().split("==") for line in pins.read_text(encoding="utf-8").splitlines() if "==" in line)
    return {name: version for name, version in pairs if name.lower() in wanted}


def _options(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    jobs = (*contest.JOBS, *contest.LAST)
    parser.add_argument("--root", type=Path, help="documents (default: the sample's and made PDFs)")
    parser.add_argument("--pages", type=int, default=100, help="pages of the made PDFs (default: 100)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--questions", type=int, default=53, help="three of them are not counted")
    parser.add_argument("--peers", nargs="*", choices=install.NAMES, default=list(install.NAMES))
    parser.add_argument("--environments", type=Path, default=install.default_folder(), help="default: %(default)s")
    parser.add_argument("--only", nargs="+", choices=jobs, default=list(jobs), help="some of the jobs")
    parser.add_argument("--json", action="store_true", help="no table")
    parser.add_argument("--markdown", type=Path, help="write the tables to this file")
    options = parser.parse_args(given)
    if options.rounds < 1 or options.pages < 1 or options.questions < 5:
        parser.error("--rounds and --pages must be at least 1, --questions 5")
    if options.root is not None and not options.root.is_dir():
        parser.error(f"--root: {options.root} is not a folder")
    return options


if __name__ == "__main__":
    raise SystemExit(main())
