"""`rag tune`: how much evidence to keep, and when to refuse, chosen on questions with known places."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from .options import corpus_arguments, opened, print_json, tell
from .steps import Steps

if TYPE_CHECKING:
    from rag.corpus import Corpus
    from rag.document import Chunk

    from ..evaluate.running import Units
    from ..tune import Goal, Point, Tuned
    from ..tuning import Posed

    Right = Callable[[Chunk], bool]

QUESTIONS = 500
UNFINISHED = ".unfinished"


class Tune:
    help = "choose how much evidence to keep, and when to refuse"
    description = (
        "Try fusion weights, numbers of candidates, k and thresholds on questions whose places are known, by\n"
        "cross-validation over documents, and write the best for the target into a profile, with its calibration.\n"
        "  rag tune --self --recall 0.95 --write mine.toml\n"
        "  rag tune questions.jsonl --tokens 400 --write mine.toml\n"
        "  rag ask --profile mine.toml ...\n"
        "--self asks questions made from the documents by rule; they are plainer than people's, so check the\n"
        "result with rag evaluate on questions of people where you have some. The same command goes on after a stop."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("questions", nargs="?", metavar="QUESTIONS.jsonl", help="as rag evaluate reads them")
        corpus_arguments(parser)
        parser.add_argument(
            "--profile", default="local", help="where to start from: a name, or a TOML file (default: local)"
        )
        parser.add_argument("--self", action="store_true", dest="own", help="make the questions from the corpus")
        parser.add_argument(
            "--count", type=int, default=QUESTIONS, metavar="N", help=f"questions to make (default: {QUESTIONS})"
        )
        target = parser.add_mutually_exclusive_group()
        target.add_argument(
            "--recall", type=float, metavar="SHARE", help="keep the gold of at least this share, in few tokens"
        )
        target.add_argument("--tokens", type=float, metavar="N", help="at most this many tokens of evidence on average")
        target.add_argument(
            "--risk", type=float, metavar="ALPHA", help="miss the gold of at most this share (conformal)"
        )
        parser.add_argument(
            "--refuse",
            type=float,
            default=0.05,
            metavar="SHARE",
            help="answerable questions that may be refused (default: 0.05)",
        )
        parser.add_argument(
            "--fusion", action="store_true",
            help="first fit a calibrated fusion of the channels, and take it if it finds more on other documents",
        )  # fmt: skip
        parser.add_argument(
            "--hubness", choices=["tell", "apply"],
            help="also see whether dividing hubs out finds more; apply changes corpus.toml for the next rag reindex",
        )  # fmt: skip
        parser.add_argument("--write", type=Path, metavar="PROFILE.toml", help="write the profile and its calibration")
        parser.add_argument(
            "--save-questions", type=Path, metavar="FILE", help="keep the questions made, for rag evaluate"
        )

    def run(self, options: Namespace) -> int:
        if (options.questions is None) == (not options.own):
            raise ValueError("give QUESTIONS.jsonl, or --self, and not both")
        for name in ("recall", "risk", "refuse"):
            value = getattr(options, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"--{name}: a share between 0 and 1, got {value}")
        if options.count < 1 or (options.tokens is not None and not options.tokens > 0):
            raise ValueError("--count and --tokens must be above 0")
        if options.write and options.write.suffix != ".toml":
            raise ValueError(f"--write: a profile's name ends in .toml, got {options.write}")
        from ..tune import FEATURES, tuned
        from ..tuning import with_absent

        goal, target = _goal(options)
        with opened(options) as corpus:
            posed = _own(corpus, options) if options.own else _given(corpus, options)
            uris = {one.digest: one.sources[0].uri for one in corpus.documents()}
            selector = corpus.profile["selector"]
            scorer = selector.get("scorer", FEATURES)
            beside = {**_fusion(corpus, posed, options), **_hubness(corpus, posed, options)}
            tell(f"{len(posed)} questions; each is searched with each fusion weight, which takes a while")
            steps = Steps("question")
            made_of = "made by rule" if options.own else str(options.questions)
            try:
                told = tuned(
                    corpus, with_absent(posed, uris), goal, target, scorer_table=scorer, refuse=options.refuse,
                    provenance={"questions": made_of, "n": len(posed)}, keep=unfinished(options.write),
                    progress=lambda what, done, total: steps(done, total, what),
                )  # fmt: skip
            finally:
                steps.close()
            if options.write:
                _write(corpus, told, scorer, options.write)
                rmtree(options.write.with_suffix(UNFINISHED), ignore_errors=True)
        if options.json:
            print_json({**_json(told), **beside})
        else:
            print("\n".join(lines(told)))
            if options.write:
                print(f"written: {options.write} and {calibration_path(options.write)}")
        return 0


def _fusion(corpus: Corpus, posed: list[Posed], options: Namespace) -> dict[str, Any]:
    """Fit a fusion where that is asked for, and search with it from now on if it finds more."""
    if not options.fusion:
        return {}
    from ..evaluate.tables import pair_json
    from ..tune_fusion import tuned_fusion

    told = tuned_fusion(corpus, posed)
    if told.table is not None:
        corpus.retrieve_by(told.table)
    change = told.change.difference
    verdict = "taken" if told.table is not None else "nothing is gained for certain: the fusion stays as it is"
    tell(
        f"calibrated fusion, on held-out documents: reciprocal rank at 10 {told.change.a:.3f} -> {told.change.b:.3f}, "
        f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]; {verdict}"
    )
    curves = {name: dict(one) for name, one in told.joint.channels.items()}
    return {"fusion": {"taken": told.table is not None, **pair_json(told.change), "curves": curves}}


def _hubness(corpus: Corpus, posed: list[Posed], options: Namespace) -> dict[str, Any]:
    """Try the forms that divide hubs out where that is asked for."""
    if not options.hubness:
        return {}
    from ..tune_hubness import apply, tuned_hubs

    found = tuned_hubs(corpus, posed)
    for one in found:
        gained = "nothing is gained: left as it is"
        if one.form is not None:
            told = one.settings
            gained = ", ".join([told.pop("method"), *(f"{name} {value:g}" for name, value in told.items())])
        tell(
            f"hubs among the vectors of {one.encoder}, {one.questions} held-out questions: reciprocal rank "
            f"{one.before:.3f} -> {one.after:.3f}; {gained}"
        )
    if options.hubness == "apply" and any(one.form is not None for one in found):
        tell(f"written: {apply(corpus.store, found)}; now run: rag reindex")
    return {
        "hubness": {
            one.encoder: {
                **one.settings, "before": round(one.before, 4),
                "after": round(one.after, 4), "questions": one.questions,
            }
            for one in found
        }
    }  # fmt: skip


def _goal(options: Namespace) -> tuple[Goal, float]:
    if options.tokens is not None:
        return "tokens", options.tokens
    if options.risk is not None:
        return "risk", options.risk
    return "recall", 0.9 if options.recall is None else options.recall


def _own(corpus: Corpus, options: Namespace) -> list[Posed]:
    from ..questions import lines as made_lines
    from ..questions import made
    from ..tuning import Posed

    found = made(corpus, options.count)
    if options.save_questions:
        options.save_questions.write_text("".join(f"{line}\n" for line in made_lines(corpus, found)), encoding="utf-8")
    return [Posed(one.id, one.text, one.digest, among(one.chunks)) for one in found]


def among(ids: tuple[str, ...]) -> Right:
    """Whether a chunk is one of these."""
    held = frozenset(ids)
    return lambda chunk: chunk.id in held


def covering(gold: frozenset[str], units: Units) -> Right:
    """Whether a chunk covers some of the gold."""
    return lambda chunk: not gold.isdisjoint(units(chunk))


def _given(corpus: Corpus, options: Namespace) -> list[Posed]:
    from ..evaluate import questions, running
    from ..evaluate.tables import grouped
    from ..evaluate.units import gold_units
    from ..tuning import Posed

    asked, faults = questions.read(options.questions)
    placed, missing = running.placed(corpus, asked, options.questions)
    for line in grouped(faults + missing):
        tell(line)
    posed = []
    for one in placed:
        gold = frozenset(gold_units(one.question, one.target)) if one.target else frozenset()
        if one.question.answerable and gold and one.target:
            right = covering(gold, running.marker(corpus, one))
            posed.append(Posed(one.question.id, one.question.text, one.target.digest, right))
    return posed


def unfinished(profile: Path | None) -> Path | None:
    """Where what was searched for is kept until it is done; nowhere where nothing is written."""
    return profile.with_suffix(UNFINISHED) if profile else None


def calibration_path(profile: Path) -> Path:
    """Where the calibration of a profile lies: beside it."""
    return profile.with_suffix(".calibration.json")


def _write(corpus: Corpus, told: Tuned, scorer: dict[str, Any], path: Path) -> None:
    import copy

    from rag.calibration import dumped

    from ..toml import written
    from ..tune import FEATURES, fused_table

    calibration_path(path).write_text(dumped(told.calibrations), encoding="utf-8")
    retriever = copy.deepcopy(corpus.profile["retriever"])
    if (fused := fused_table(retriever)) is not None and told.setting.weights:
        fused["weights"] = {**fused.get("weights", {}), **dict(told.setting.weights)}
    selector: dict[str, Any] = {"use": "retrievers/selectors/adaptive"}
    if scorer != FEATURES:
        selector["scorer"] = scorer
    selector |= {"calibration": str(calibration_path(path).resolve()), "k": told.setting.k}
    selector |= {"tau": told.setting.tau, "max_risk": told.max_risk}
    if told.least_chance is not None:
        selector["least_chance"] = told.least_chance
    tables = {**corpus.profile, "retriever": retriever, "selector": selector, "ask": {"depth": told.setting.n}}
    head = (
        f"# Written by rag tune for {told.goal} {told.target:g}, from {told.questions} questions about "
        f"{told.documents} documents.\n# The calibration beside it holds for its scorer alone.\n"
        + ("# The risk holds for questions drawn like these, on average, before refusals.\n" * (told.goal == "risk"))
    )
    path.write_text(f"{head}\n{written(tables)}", encoding="utf-8")


def lines(told: Tuned) -> list[str]:
    """The choice and the trade-off, for people."""
    setting = told.setting
    weights = ", ".join(f"{name} {weight:g}" for name, weight in setting.weights) or "as in the profile"
    found = [
        f"{told.questions} questions about {told.documents} documents; target: {told.goal} {told.target:g}"
        + ("" if told.reached else ", which no setting reaches on held-out documents: this is the nearest"),
        f"chosen: fusion weights {weights}; N {setting.n}, k {setting.k}, tau {setting.tau:g}; refuse "
        + (
            f"above a risk of {told.max_risk:.3f}"
            if told.least_chance is None
            else f"where the chance that the list speaks of what is asked is below {told.least_chance:.3f}"
        ),
        "",
        f"{'':<34}{'gold kept':<25}{'tokens':<25}{'pieces'}",
        _line("chosen, on held-out documents", told.held_out),
        _line("  with what is then refused", told.answered),
        _line("first 5 of the retriever", told.fixed),
        f"precision of what is kept {told.precision:.3f}; refused: answerable {_cell(told.refused_answerable)}"
        + (f", with their document taken out {_cell(told.refused_absent)}" if told.refused_absent else ""),
        f"expected calibration error of first pieces {told.error[0]:.3f}, of a perfectly calibrated scorer "
        f"{told.error[1]:.3f}",
        f"calibrated: {', '.join(kinds(told))}",
        "",
        "trade-off at these weights, N and k",
        *(_line(f"tau {one.setting.tau:g}", one) for one in told.curve),
    ]
    if told.goal == "risk":
        found.append("before refusals the risk holds for questions like these, on average (conformal risk control)")
    return found


def kinds(told: Tuned) -> list[str]:
    """For what there is a calibration of its own: everything, then channels and kinds with enough questions."""
    return ["all together", *(name for name in sorted(told.calibrations.curves) if name)]


def _line(name: str, one: Point) -> str:
    return f"{name:<34}{_cell(one.gold):<25}{_cell(one.tokens, 0):<25}{_cell(one.pieces, 1)}"


def _cell(one: Any, digits: int = 3) -> str:
    return f"{one.mean:.{digits}f} [{one.low:.{digits}f}, {one.high:.{digits}f}]"


def _json(told: Tuned) -> dict[str, Any]:
    from ..evaluate.tables import estimate_json

    def point(one: Point) -> dict[str, Any]:
        return {
            "weights": dict(one.setting.weights), "n": one.setting.n, "k": one.setting.k, "tau": one.setting.tau,
            "gold_kept": estimate_json(one.gold), "tokens": estimate_json(one.tokens),
            "pieces": estimate_json(one.pieces),
        }  # fmt: skip

    return {
        "goal": told.goal, "target": told.target, "reached": told.reached, "questions": told.questions,
        "documents": told.documents, "chosen": point(told.held_out),
        "chosen_with_refusals": point(told.answered), "max_risk": told.max_risk,
        "least_chance": told.least_chance, "precision": round(told.precision, 4), "fixed": point(told.fixed),
        "refused_answerable": estimate_json(told.refused_answerable),
        "refused_absent": estimate_json(told.refused_absent) if told.refused_absent else None,
        "ece": round(told.error[0], 4), "ece_of_a_perfect_scorer": round(told.error[1], 4),
        "calibrated": [name for name in sorted(told.calibrations.curves) if name],
        "curve": [point(one) for one in told.curve],
    }  # fmt: skip
