"""A moment of a recording, found by what is said or by what is shown at it.

    python examples/scripts/video_search.py                                   # the sample video
    python examples/scripts/video_search.py talk.mp4 "the slide with the bridge" --out moment.png
    python examples/scripts/video_search.py talk.mp4 "a bridge" --model /models/qwen2-vl-2b-embedder

Without a model frames are known by concept tags and speech by MiniLM, which share a space; with
one, both are read by it (retrievers/encoders/universal, extra `vision`). Speech comes from a subtitle track, or is
heard where the extra `speech` is installed. `--alpha` is what speech weighs against frames (VideoRAG).
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from looking import SAMPLE, add, corpus, tiny, told

TAGS = """
[encoders.frames]
use = "retrievers/encoders/conse"
"""
MODEL = """
[encoders.frames]
use = "retrievers/encoders/universal"
model = "{model}"
words = false

[encoders.speech]
use = "retrievers/encoders/universal"
model = "{model}"
view = "contextual"
"""
PROFILE = """
[retriever]
use = "retrievers/moments"
encoder = "@frames"
index = "@frames.vectors"
words = "@{speech}.vectors"
alpha = {alpha}
seconds = 3.0

[retriever.retriever]
use = "retrievers/fused"

[retriever.retriever.retrievers.shown]
use = "retrievers/dense"
encoder = "@frames"
index = "@frames.vectors"

[retriever.retriever.retrievers.said]
use = "retrievers/dense"
encoder = "@{speech}"
index = "@{speech}.vectors"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path, nargs="?", default=SAMPLE / "narrated.mp4")
    parser.add_argument("question", nargs="?", default="a player on the court")
    parser.add_argument("--model", help="a checkpoint for frames and speech; `tiny` for one with random weights")
    parser.add_argument("--alpha", type=float, default=0.6)
    parser.add_argument("--out", type=Path, default=Path("moment.png"))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = tiny(folder, "idefics3") if given.model == "tiny" else given.model
        profile = PROFILE.format(speech="speech" if model else "minilm", alpha=given.alpha)
        with corpus(folder, MODEL.format(model=model) if model else TAGS, profile) as moments:
            add(moments, given.recording)
            hits = moments.search(given.question, k=3)
            for hit in hits:
                print(f"{hit.parts['moments'].score:.3f}  {hit.where}  {hit.text[:60]}")
            given.out.write_bytes(hits[0].image())
            print(f"wrote {given.out}")


if __name__ == "__main__":
    told(main)
