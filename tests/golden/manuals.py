"""Small manuals made by code: sections, sentences that define and condition, tables; each document its own words."""

from __future__ import annotations

import random
from pathlib import Path

SYLLABLES = "ba co di fu ga he ki lo mu na pe ra si to vu wa ze".split()


def word(generator: random.Random) -> str:
    return "".join(generator.choice(SYLLABLES) for _ in range(3))


def written(folder: Path, count: int = 12, seed: int = 0) -> list[Path]:
    """`count` Markdown files, the same for the same arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        generator = random.Random(f"{seed} {number}")
        paths.append(folder / f"manual-{number:02}.md")
        paths[-1].write_text(_manual(generator), encoding="utf-8")
    return paths


def _manual(generator: random.Random) -> str:
    parts = [f"# The {word(generator)} {word(generator)}"]
    for _ in range(4):
        a, b, c, d, e = (word(generator) for _ in range(5))
        parts += [
            f"## Using the {a} {b}",
            f"The {a} {b} controls the {c} of every {d} in the yard and keeps it steady through the winter months.",
            f"If the {c} of the {d} drops too far, the {e} valve opens and the water runs back into the lower basin.",
            f"People who clean the {e} valve each spring report that it lasts for {generator.randrange(3, 90)} years.",
        ]
    rows = [f"| {word(generator)} {word(generator)} | {generator.randrange(100)} mm |" for _ in range(4)]
    parts += ["## Sizes of parts", "\n".join(["| part | width |", "| --- | --- |", *rows])]
    return "\n\n".join(parts) + "\n"
