"""Questions of several folders as one file, for `rag evaluate --by modality`.

    python benchmarks/modalities.py OUT.jsonl FOLDER ...
    rag evaluate OUT.jsonl --root PARENT --no-answers --by modality

Each FOLDER holds manifest.jsonl and lies in PARENT. A line is a question as `rag evaluate` takes it; a photo with
its `captions`, of which each asks for it; or a moment of a video (`start`, `end`) with the photo that is shown in
it (`image`), whose captions ask for the moment, and its `speech`, which does too.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(out: Path, folders: list[Path]) -> None:
    with open(out, "w", encoding="utf-8") as file:
        for folder in folders:
            for one in questions(folder):
                file.write(json.dumps(one, ensure_ascii=False) + "\n")


def questions(folder: Path) -> Iterator[dict[str, Any]]:
    """The questions of a folder, `doc` beginning with its name."""
    for row in _rows(folder):
        if "captions" in row:
            for at, caption in enumerate(row["captions"], 1):
                place = {"doc": f"{folder.name}/{row['file']}", "pages": [1]}
                yield {"id": f"{row['id']}-{at}", "question": caption, **place, "kinds": ["photo"]}
        elif "speech" in row:
            place = {"doc": f"{folder.name}/{row['file']}", "start": row["start"], "end": row["end"]}
            for at, text in enumerate([row["speech"], *_captions(folder.parent / row["image"])]):
                yield {"id": f"{row['id']}-{at}", "question": text, **place, "kinds": ["video"]}
        else:
            yield row


def _captions(photo: Path) -> list[str]:
    """What the manifest beside a photo says of it."""
    folder = photo.parent.parent
    return next((row["captions"] for row in _rows(folder) if folder / row["file"] == photo), [])


def _rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(name) for name in sys.argv[2:]])
