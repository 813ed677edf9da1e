"""`rag train`: small models fitted to a corpus' own documents."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .options import corpus_arguments, opened, print_json, tell

if TYPE_CHECKING:
    from ..train import Trained

COUNT = 2000


class Train:
    help = "train a relevancy head on the corpus' own documents"
    description = (
        "Make triples (a passage, a question that it answers, one that it does not) from the documents by rule,\n"
        "train the scalar head of rerankers/relevancy on them over the corpus' encoder, and report it on documents\n"
        "that were held out, with two controls: shuffled labels, and the passage blanked.\n"
        "  rag train relevancy --write head/\n"
        "In a profile: scorer = { use = 'retrievers/rerankers/relevancy', model = 'head/', index = '@vectors' }"
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("what", choices=["relevancy"], help="what to train")
        corpus_arguments(parser)
        parser.add_argument("--profile", default="local", help="whose retriever finds the hard negatives")
        parser.add_argument(
            "--count", type=int, default=COUNT, metavar="N", help=f"questions to make triples of (default: {COUNT})"
        )
        parser.add_argument("--write", type=Path, metavar="DIR", help="where the head and its calibration go")

    def run(self, options: Namespace) -> int:
        if options.count < 50:
            raise ValueError(f"--count: 50 or more, got {options.count}")
        from ..train import trained, write

        with opened(options) as corpus:
            tell("making triples and encoding them, which takes minutes for thousands")
            told = trained(corpus, options.count)
        if options.write:
            write(told, options.write)
        if options.json:
            print_json(_json(told))
        else:
            print("\n".join(lines(told)))
            if options.write:
                print(f"written: {options.write / 'head.json'} and {options.write / 'calibration.json'}")
        return 0


def lines(told: Trained) -> list[str]:
    """What the head is worth."""
    return [
        f"{told.triples} triples, {told.held} of them about documents that were held out",
        f"on these: accuracy {told.accuracy:.3f}, AUC {told.auc:.3f}; plain cosine: AUC {told.auc_cosine:.3f}",
        f"controls: labels shuffled {told.shuffled:.3f} (chance: 0.5 within {told.chance:.3f}), "
        f"passage blanked {told.blank:.3f}",
        f"expected calibration error {told.error[0]:.3f}, of a perfectly calibrated scorer {told.error[1]:.3f}",
    ]


def _json(told: Trained) -> dict[str, Any]:
    names = ("triples", "held", "accuracy", "auc", "auc_cosine", "shuffled", "chance", "blank")
    return {name: round(getattr(told, name), 4) for name in names} | {
        "ece": round(told.error[0], 4),
        "ece_of_a_perfect_scorer": round(told.error[1], 4),
    }
