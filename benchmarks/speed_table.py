"""The figures of `speed.py`, judged and laid out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from benchmarks.contest import TOKENS_WITHIN, unequal

Rows = Sequence[Mapping[str, Any]]
SHOWN = {"argus": "Argus", "llamaindex": "LlamaIndex", "langchain": "LangChain", "haystack": "Haystack"}
GOALS = {"documented": 3.0, "free": 2.0}
"""Pages a second against the fastest peer."""


def judged(rows: Rows) -> list[dict[str, Any]]:
    """The goals, for what was measured of them."""
    found = []
    for job, goal in GOALS.items():
        ratios = against(rows, job)
        if ratios:
            nearest = min(ratios, key=lambda name: ratios[name])
            words = "as documented" if job == "documented" else "same chunks, without the encoder"
            found.append({
                "name": f"ingest, {words}: times the fastest peer", "value": round(ratios[nearest], 2), "peer": nearest,
                "goal": goal, "met": ratios[nearest] >= goal, "ratios": {k: round(v, 2) for k, v in ratios.items()},
            })  # fmt: skip
    for job in ("ours", "free"):
        tokens = {peer: int(value) for peer, value in by_peer(rows, job, "tokens").items()}
        if len(tokens) > 1:
            off = unequal(tokens)
            found.append({
                "name": f"tokens embedded, {job!r}: peers beyond {TOKENS_WITHIN:.0%} of Argus",
                "value": len(off), "goal": 0, "met": not off, "tokens": tokens, "off": off,
            })  # fmt: skip
    for row in of(rows, "again ours"):
        if row["peer"] == "argus":
            work = row["pages"] + row["texts"]
            found.append({
                "name": "second run: parsed + embedded", "value": work, "goal": 0, "met": work == 0,
            })  # fmt: skip
    return found


def of(rows: Rows, job: str) -> list[Mapping[str, Any]]:
    """The rows of a job that came to an end."""
    return [row for row in rows if row.get("name") == job and "peer" in row and "round" in row and "error" not in row]


def by_peer(rows: Rows, job: str, key: str | Callable[[Mapping[str, Any]], float]) -> dict[str, float]:
    """The median over the rounds of each contender's figure."""
    value = key if callable(key) else lambda row: row[key]
    taken: dict[str, list[float]] = {}
    for row in of(rows, job):
        taken.setdefault(row["peer"], []).append(value(row))
    return {peer: median(values) for peer, values in taken.items()}


def against(rows: Rows, job: str) -> dict[str, float]:
    """How many times Argus' pages a second are those of each peer: the median of the rounds' ratios."""
    rounds: dict[int, dict[str, float]] = {}
    for row in of(rows, job):
        rounds.setdefault(row["round"], {})[row["peer"]] = row["pages"] / row["seconds"]
    ratios: dict[str, list[float]] = {}
    for speeds in rounds.values():
        if "argus" in speeds:
            for peer, speed in speeds.items():
                if peer != "argus":
                    ratios.setdefault(peer, []).append(speeds["argus"] / speed)
    return {peer: median(values) for peer, values in ratios.items()}


def markdown(rows: Rows) -> str:
    """Both columns and the goals, as Markdown."""
    machine = next((row for row in rows if row.get("name") == "machine"), {})
    parts = [_machine(machine, rows)] if machine else []
    parts += [_column(rows, "documented", "As each one's documentation sets it up")]
    parts += [_column(rows, "ours", "Our encoder, same chunk size, same tokens")]
    parts += [_goals(rows)]
    parts += [f"{row['peer']}, {row['name']}: **failed**, {row['error']}" for row in rows if "error" in row]
    missing = machine.get("missing") or []
    parts += [f"Not measured, since not installed: {', '.join(SHOWN[name] for name in missing)}."] if missing else []
    return "\n\n".join(part for part in parts if part) + "\n"


def _machine(machine: Mapping[str, Any], rows: Rows) -> str:
    loads = [row["load"] for row in rows if "load" in row]
    packages = {**machine.get("packages", {})}
    pins = {name: version for pins in machine.get("peers", {}).values() for name, version in pins.items()}
    listed = ", ".join(f"{name} {version}" for name, version in sorted({**packages, **pins}.items()))
    return (
        f"{machine['date'][:10]}, {machine['cpu']}, {machine['cores']} cores ({', '.join(machine['flags'])}), "
        f"{machine['memory_gib']} GiB, load {min(loads):.1f} to {max(loads):.1f}, Python {machine['python']}. "
        f"{machine['documents']} documents, {machine['pages']} pages, {machine['bytes'] / 2**20:.1f} MiB. {listed}."
    )


def _column(rows: Rows, job: str, title: str) -> str:
    names = [name for name in SHOWN if any(row["peer"] == name for row in of(rows, job))]
    if not names:
        return ""
    lines = [(title, *(SHOWN[name] for name in names)), ("---",) * (len(names) + 1)]

    def line(label: str, figures: Mapping[str, float], form: str = "{:,.1f}") -> None:
        if figures:
            lines.append((label, *(form.format(figures[name]) if name in figures else "" for name in names)))

    line("ingest, pages/s", by_peer(rows, job, lambda row: row["pages"] / row["seconds"]))
    ratios = against(rows, job)
    line("Argus is so many times faster", ratios, "{:.1f}")
    if job == "ours":
        line("without the encoder, pages/s", by_peer(rows, "free", lambda row: row["pages"] / row["seconds"]))
        line("Argus is so many times faster", against(rows, "free"), "{:.1f}")
        line("without the encoder, CPU s", by_peer(rows, "free", "cpu_seconds"))
        line("without the encoder, whole command, s", by_peer(rows, "free", "command"))
    line("CPU s of the ingest", by_peer(rows, job, "cpu_seconds"))
    line("whole command, s (libraries and weights loaded)", by_peer(rows, job, "command"))
    line("in the encoder, s", by_peer(rows, job, "encoder_seconds"))
    line("texts embedded", by_peer(rows, job, "texts"), "{:,.0f}")
    line("tokens embedded (cut at 256 a text)", by_peer(rows, job, "tokens"), "{:,.0f}")
    line("tokens cut off, not embedded", by_peer(rows, job, lambda row: row["tokens_given"] - row["tokens"]), "{:,.0f}")
    line("tokens/s through the ingest", by_peer(rows, job, lambda row: row["tokens"] / row["seconds"]), "{:,.0f}")
    lines.append(("encoder, precision, threads", *(_encoder(rows, job, name) for name in names)))
    line("query p50, ms", by_peer(rows, f"query {job}", lambda row: row["p50"] * 1000))
    line("query p95, ms", by_peer(rows, f"query {job}", lambda row: row["p95"] * 1000))
    line("cold start to the first hits, s", by_peer(rows, f"query {job}", "cold"))
    line("peak memory, all processes, MiB", by_peer(rows, job, lambda row: row["memory"] / 2**20), "{:,.0f}")
    line("index on disk, MiB", by_peer(rows, job, lambda row: row["index_bytes"] / 2**20))
    line("second run: pages parsed", by_peer(rows, f"again {job}", "pages"), "{:,.0f}")
    line("second run: texts embedded", by_peer(rows, f"again {job}", "texts"), "{:,.0f}")
    line("second run, s", by_peer(rows, f"again {job}", "seconds"), "{:,.2f}")
    line("second run: entries", by_peer(rows, f"again {job}", "entries"), "{:,.0f}")
    line("second run: different ones", by_peer(rows, f"again {job}", "unique"), "{:,.0f}")
    if job == "ours":
        line("killed at 60%: embedded again, % of what was", by_peer(rows, "kill", _share), "{:.0f}")
        line("killed and run again: entries", by_peer(rows, "kill", "entries"), "{:,.0f}")
        line("killed and run again: different ones", by_peer(rows, "kill", "unique"), "{:,.0f}")
    return _table(lines)


def _share(row: Mapping[str, Any]) -> float:
    return 100.0 * float(row["again"]) / max(1, row["before"])


def _encoder(rows: Rows, job: str, name: str) -> str:
    if job == "documented" and name != "argus":
        threads = next((row["threads"] for row in of(rows, job) if row["peer"] == name), 0)
        return f"sentence-transformers, float32, {threads}"
    cores = next((row["cores"] for row in rows if row.get("name") == "machine"), "all")
    return f"OpenVINO, int8 weights, float32, {cores}"


def _goals(rows: Rows) -> str:
    lines: list[Sequence[str]] = [("goal", "measured", "aim", ""), ("---", "---", "---", "---")]
    for row in judged(rows):
        beside = f" ({SHOWN.get(row['peer'], row['peer'])})" if "peer" in row else ""
        lines.append((row["name"], f"{row['value']:g}{beside}", f"{row['goal']:g}", "met" if row["met"] else "MISSED"))
    return _table(lines) if len(lines) > 2 else ""


def _table(lines: Iterable[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
