"""`rag train`: small models fitted to a corpus' own documents."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from .options import corpus_arguments, opened, print_json, tell
from .steps import Steps

if TYPE_CHECKING:
    from rag.corpus import Corpus

    from ..train import Trained

COUNT = 2000
UNFINISHED = "unfinished"


class Train:
    help = "train a relevancy head on the corpus' own documents"
    description = (
        "Make triples (a passage, a question that it answers, one that it does not) from the documents by rule,\n"
        "train the scalar head of rerankers/relevancy on them over the corpus' encoder, and report it on documents\n"
        "that were held out, with two controls: shuffled labels, and the passage blanked.\n"
        "  rag train relevancy --write head/\n"
        "With --model the head stands on the states of a model of words, or of words and pictures, which is asked\n"
        "about each pair: minutes on a card, hours without. With --lora the model itself is adapted too (extra\n"
        "train). What was computed lies in DIR/unfinished: the same command goes on after a stop.\n"
        "  rag train relevancy --model HuggingFaceTB/SmolVLM-256M-Instruct --lora --write head/\n"
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
        parser.add_argument(
            "--model", default="", metavar="NAME_OR_DIR",
            help="a model on whose states the head stands: a folder, or a name in the Hugging Face cache",
        )  # fmt: skip
        parser.add_argument("--revision", default="", metavar="COMMIT", help="of a name in the cache")
        parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: a card where there is one)")
        parser.add_argument("--lora", action="store_true", help="adapt the model too, by low-rank adapters")
        parser.add_argument("--rank", type=int, default=8, help="of the adapters (default: 8)")
        parser.add_argument("--epochs", type=int, default=2, help="rounds over the triples for --lora (default: 2)")

    def run(self, options: Namespace) -> int:
        if options.count < 50:
            raise ValueError(f"--count: 50 or more, got {options.count}")
        if options.lora and not options.model:
            raise ValueError("--lora adapts a model: name it with --model")
        from ..train import trained, write

        with opened(options) as corpus:
            if options.model:
                told = _over_model(corpus, options)
            else:
                tell("making triples and encoding them, which takes minutes for thousands")
                told = trained(corpus, options.count)
        if options.write:
            write(told, options.write)
            rmtree(options.write / UNFINISHED, ignore_errors=True)
        if options.json:
            print_json(_json(told))
        else:
            print("\n".join(lines(told)))
            if options.write:
                print(f"written: {options.write} (head and calibration.json)")
        return 0


def _over_model(corpus: Corpus, options: Namespace) -> Trained:
    """The head over the states of a model, with what was computed kept beside where it goes."""
    from rag import registry

    from ..train_states import trained

    room: Any = registry.load("retrievers/rerankers/relevancy")
    course = room.course(rank=options.rank, epochs=options.epochs) if options.lora else None
    tell("making triples")
    steps = Steps("pair")
    try:
        return trained(
            corpus, options.model, options.count, revision=options.revision, course=course, device=options.device,
            keep=options.write / UNFINISHED if options.write else None,
            progress=lambda what, done, total: steps(done, total, what),
        )  # fmt: skip
    finally:
        steps.close()


def lines(told: Trained) -> list[str]:
    """What the head is worth."""
    cosine = "" if told.auc_cosine is None else f"; plain cosine: AUC {told.auc_cosine:.3f}"
    return [
        f"{told.triples} triples, {told.held} of them about documents that were held out",
        f"on these: accuracy {told.accuracy:.3f}, AUC {told.auc:.3f}{cosine}",
        f"controls: labels shuffled {told.shuffled:.3f} (chance: 0.5 within {told.chance:.3f}), "
        f"passage blanked {told.blank:.3f}",
        f"expected calibration error {told.error[0]:.3f}, of a perfectly calibrated scorer {told.error[1]:.3f}",
    ]


def _json(told: Trained) -> dict[str, Any]:
    names = ("triples", "held", "accuracy", "auc", "auc_cosine", "shuffled", "chance", "blank")
    values = {name: getattr(told, name) for name in names}
    return {name: None if one is None else round(one, 4) for name, one in values.items()} | {
        "ece": round(told.error[0], 4),
        "ece_of_a_perfect_scorer": round(told.error[1], 4),
    }
