"""A run, or two compared, as one HTML page: no script, no network, light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from .intervals import Estimate, Paired
from .modality import FUSED, ByModality
from .plots import Dot, curves, dots, legend
from .plotting import paths, points
from .ranking import success
from .records import SCOPES, About, Record
from .scoring import ANSWERS, COUNTS, LABELS
from .summary import Comparison, Summary
from .tables import EXPLAINED, GROUPS, NO_CORRECTION, counted, kind_columns, questions, trust_lines, verdict
from .trust import Trust

MOST_LISTED = 1000
"""Questions listed one by one; the records hold them all."""
MOST_TEXT = 600
STYLE = """\
:root { color-scheme: light dark; --ink: #1c2024; --soft: #60656c; --paper: #fdfdfc; --line: #e2e3e6;
  --c0: #2563a8; --c1: #c05a12; --good: #1d7a46; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e9eb; --soft: #a0a6ad; --paper: #16181b;
  --line: #34383d; --c0: #7db3ee; --c1: #f2a365; --good: #6cc893; --bad: #f28b82; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; }
p { margin: .3rem 0; } .soft, small { color: var(--soft); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } td.n, th.n { text-align: right; } td.wide { min-width: 16rem; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } svg { max-width: 100%; height: auto; display: block; margin: .6rem 0; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); } svg .tick { fill: var(--soft); }
svg .label { text-anchor: end; } svg .grid { stroke: var(--line); } svg .zero { stroke: var(--soft); }
.s0 { --c: var(--c0); } .s1 { --c: var(--c1); }
svg g line { stroke: var(--c); stroke-width: 2; stroke-linecap: round; } svg g circle { fill: var(--c); }
svg polyline { fill: none; stroke: var(--c); stroke-width: 2.2; stroke-linejoin: round; }
.legend span { margin-right: 1.4rem; } .legend i { display: inline-block; width: .8em; height: .8em;
  border-radius: 50%; background: var(--c); margin-right: .4em; }
.good { color: var(--good); } .bad { color: var(--bad); } summary { cursor: pointer; }
"""


def run_page(
    summary: Summary, records: Sequence[Record], about: About, notes: Sequence[str], file: str,
    table: ByModality | None = None,
) -> str:  # fmt: skip
    """The page of a run: figures, plots, kinds of evidence, and each question with what became of it."""
    scopes = [scope for scope in SCOPES if scope in summary.whole]
    parts = [
        f"<h1>{escape(file)}</h1>",
        f'<p class="soft">corpus {escape(about.corpus)}, profile {escape(about.profile)}, Argus '
        f"{escape(about.version)}</p>",
        f"<p>{escape(counted(summary))}. Unit: {escape(', '.join(summary.units) or 'none')}. {EXPLAINED}</p>",
        *(f'<p class="soft">Note: {escape(note)}.</p>' for note in notes),
    ]
    if scopes:
        parts += ["<h2>Found</h2>", legend([GROUPS[scope] for scope in scopes])]
        parts += [_measures_plot(summary, scopes), _curve(records, scopes), _measures_table(summary, scopes)]
    if answers := summary.whole.get(ANSWERS):
        rows = [(LABELS[name], [_dot(one, 0)]) for name, one in answers.items() if name not in COUNTS]
        parts += ["<h2>Answered</h2>", dots(rows, 0, 1, "answers"), _answers_table(answers)]
    if summary.trust:
        parts += _trust(summary.trust)
    if summary.kinds:
        parts += ["<h2>By kind of evidence</h2>", *_kinds(summary, scopes)]
    if table:
        parts += ["<h2>By modality and channel</h2>", *_by_modality(table)]
    parts += ["<h2>Questions</h2>", *_questions(records, scopes)]
    return _page(file, parts)


def comparison_page(comparison: Comparison, a: str, b: str) -> str:
    """The page of two runs: each measure's difference with its interval."""
    parts = [
        "<h1>Two runs compared</h1>",
        f"<p>A: {escape(a)}<br>B: {escape(b)}</p>",
        f"<p>{questions(comparison.questions)} that both asked, {comparison.left_out} left out. {NO_CORRECTION}</p>",
    ]
    for group, measures in comparison.groups.items():
        name = GROUPS[group]
        parts += [
            f"<h2>{escape(name[0].upper() + name[1:])}</h2>",
            '<p class="soft">B - A: to the right B is higher; orange where chance does not explain it</p>',
        ]
        rows = [(LABELS.get(key, key), [_change(one)]) for key, one in measures.items()]
        reach = max([0.05, *(abs(side) for _, (dot,) in rows for side in (dot.low, dot.high))])
        parts += [dots(rows, -reach, reach, f"differences, {name}", zero=True), _pairs_table(measures)]
    return _page("Two runs compared", parts)


def _page(title: str, parts: Iterable[str]) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _trust(trust: Trust) -> list[str]:
    """Whether relevance is what it says, and what would be wrong if only the surest were answered."""
    shares = [(one.predicted, one.seen, one.count) for one in trust.bins]
    return [
        "<h2>Trust</h2>",
        *(f"<p>{escape(line[0].upper() + line[1:])}.</p>" for line in trust_lines(trust)),
        '<p class="soft">Reliability: each dot a bin of equal count; on the line, relevance is what it says</p>',
        points([shares], "reliability diagram", "relevance of the first piece", "share that is right", diagonal=True),
        '<p class="soft">Risk against coverage: the share of wrong first pieces if only that share of questions, '
        "the surest, were answered; a question without an answer always counts as wrong</p>",
        paths([trust.curve], "risk against coverage", "share of questions answered", "share wrong"),
    ]


def _measures_plot(summary: Summary, scopes: Sequence[str]) -> str:
    names = dict.fromkeys(name for scope in scopes for name in summary.whole[scope])
    rows = [
        (name, [_dot(one, at) for at, scope in enumerate(scopes) if (one := summary.whole[scope].get(name))])
        for name in names
    ]
    return dots(rows, 0, 1, "measures of what was found")


def _curve(records: Sequence[Record], scopes: Sequence[str]) -> str:
    """Share of questions with gold among the first k hits, for each k."""
    series = []
    for scope in scopes:
        asked = [(one.gold, [hit.units for hit in one.hits(scope) or ()]) for one in records if one.answerable]
        depth = max((len(hits) for _, hits in asked), default=0)
        series.append([sum(success(hits, gold, k) for gold, hits in asked) / len(asked) for k in range(1, depth + 1)])
    if max(map(len, series), default=0) < 2:
        return ""
    return curves(series, "share of questions found within k hits", "found within the first k hits")


def _measures_table(summary: Summary, scopes: Sequence[str]) -> str:
    names = dict.fromkeys(name for scope in scopes for name in summary.whole[scope])
    rows = [[name, *(_interval(summary.whole[scope].get(name)) for scope in scopes)] for name in names]
    return _table(["", *(GROUPS[scope] for scope in scopes)], rows)


def _answers_table(answers: Mapping[str, Estimate]) -> str:
    return _table(
        ["", "mean", "questions"], [[LABELS[name], _interval(one), str(one.n)] for name, one in answers.items()]
    )


def _kinds(summary: Summary, scopes: Sequence[str]) -> Iterable[str]:
    if scopes:
        middle = f"page@{summary.ks[len(summary.ks) // 2]}"
        rows = [
            (f"{kind} ({count})", [_dot(one, at) for at, scope in enumerate(scopes)
                                   if (one := figures.get(scope, {}).get(middle))])
            for kind, (count, figures) in summary.kinds.items()
        ]  # fmt: skip
        yield f'<p class="soft">{middle}</p>'
        yield dots(rows, 0, 1, f"{middle} by kind of evidence")
    columns = kind_columns(summary)
    yield _table(
        ["kind", "questions", *(f"{measure}, {GROUPS[group]}" for group, measure, _ in columns)],
        [
            [kind, str(count), *(_mean(figures.get(group, {}).get(name)) for group, name, _ in columns)]
            for kind, (count, figures) in summary.kinds.items()
        ],
    )


def _by_modality(table: ByModality) -> Iterable[str]:
    yield '<p class="soft">Share of questions found within k hits of the whole corpus, each channel alone and fused</p>'
    middle = table.ks[len(table.ks) // 2]
    marks = [
        (f"{one.modality}: {one.channel}", [_dot(one.found[middle], int(one.channel == FUSED))]) for one in table.rows
    ]
    yield dots(marks, 0, 1, f"found@{middle} by modality and channel")
    rows = [
        [row.modality, str(table.counts[row.modality]), row.channel, *(_interval(row.found[k]) for k in table.ks)]
        for row in table.rows
    ]
    yield _table(["asked for", "questions", "channel", *(f"found@{k}" for k in table.ks)], rows)


def _questions(records: Sequence[Record], scopes: Sequence[str]) -> Iterable[str]:
    if len(records) > MOST_LISTED:
        yield f'<p class="soft">The first {MOST_LISTED} of {len(records)}.</p>'
    count = questions(min(len(records), MOST_LISTED))
    yield f"<details><summary>{count}, with the rank of the first right hit</summary>"
    yield '<div class="scroll"><table>'
    heads = ["id", "question", *(GROUPS[scope] for scope in scopes), "gold answer", "answer"]
    yield "<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"
    for one in records[:MOST_LISTED]:
        yield _question_row(one, scopes)
    yield "</table></div></details>"


def _question_row(one: Record, scopes: Sequence[str]) -> str:
    cells = [
        f"<td>{escape(one.id)}</td>",
        f'<td class="wide">{escape(_cut(one.text))}<br><small>{escape(one.doc)}</small></td>',
    ]
    for scope in scopes:
        rank = _first(one, scope)
        told = "not answerable" if not one.answerable else f'<span class="good">{rank}</span>' if rank else "–"
        cells.append(f'<td class="n">{told}</td>')
    cells.append(f"<td>{escape(_cut('; '.join(one.answers)))}</td>")
    said = one.said
    text = "" if said is None else "<i>refused</i>" if said.refused else escape(_cut(said.text))
    wrong = said is not None and said.refused == one.answerable
    cells.append(f'<td class="wide{" bad" if wrong else ""}">{text}</td>')
    return f"<tr>{''.join(cells)}</tr>"


def _first(one: Record, scope: str) -> int:
    """The rank of the first hit that covers something of the gold; 0 where there is none."""
    gold = set(one.gold)
    hits = one.hits(scope) or ()
    return next((rank for rank, hit in enumerate(hits, 1) if not gold.isdisjoint(hit.units)), 0)


def _pairs_table(measures: Mapping[str, Paired]) -> str:
    rows = [
        [
            LABELS.get(name, name), f"{one.a:.3f}", f"{one.b:.3f}",
            f"{one.difference.mean:+.3f} [{one.difference.low:+.3f}, {one.difference.high:+.3f}]",
            str(one.difference.n), f"{one.p:.3f}", verdict(one),
        ]
        for name, one in measures.items()
    ]  # fmt: skip
    return _table(["", "A", "B", "B - A", "questions", "p", ""], rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _dot(one: Estimate, series: int) -> Dot:
    return Dot(one.mean, one.low, one.high, series)


def _change(one: Paired) -> Dot:
    return Dot(one.difference.mean, one.difference.low, one.difference.high, 0 if one.within_noise else 1)


def _interval(one: Estimate | None) -> str:
    return f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" if one else ""


def _mean(one: Estimate | None) -> str:
    return f"{one.mean:.2f}" if one else "–"


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
