"""Results as Markdown."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys

import numpy as np


def machine() -> str:
    """The processor, the cores that this process may use, and the vector extensions that matter."""
    model, flags = "unknown processor", set()
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    has = [name for name in ("avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{model}, {len(os.sched_getaffinity(0))} cores, {' '.join(has)}"


def commit(root: str) -> str:
    """The revision, with a + where the tree differs from it."""
    def git(*arguments):
        return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False).stdout

    return git("rev-parse", "--short", "HEAD").strip() + ("+" if git("status", "--porcelain", "-uno") else "")


def circumstances(root: str) -> dict:
    """When, where and of what revision."""
    return {"date": datetime.date.today().isoformat(), "machine": machine(), "commit": commit(root)}


def row(result, root: str) -> dict:
    """A result as it is kept in a file of results."""
    s = result.setting
    return {
        "network": s.network, "batch": s.batch, "threads": s.threads,
        "rounds": len(next(iter(result.ms.values()))), "disturbed": result.disturbed[0],
        "ms": result.ms, "about": result.about, "error": result.error,
    } | circumstances(root)


def busy_rows(result, root: str) -> list[dict]:
    """A result as it is kept in a file of results, a row for each number of busy processes: P50, mean and P99 of all runs."""
    s, what, rows = result.setting, circumstances(root), []
    for number, by_runtime in result.runs.items():
        every = {key: np.concatenate(turns) for key, turns in by_runtime.items()}
        rows.append({
            "network": s.network, "batch": s.batch, "threads": s.threads, "busy": number,
            "rounds": len(next(iter(by_runtime.values()))), "disturbed": result.disturbed[number],
            "runs": {key: len(ms) for key, ms in every.items()},
            "ms": {key: {"p50": float(np.median(ms)), "mean": float(np.mean(ms)), "p99": float(np.quantile(ms, 0.99))}
                   for key, ms in every.items()},
            "about": result.about, "error": result.error,
        } | what)
    return rows


def ratio(mine: list[float], theirs: list[float]) -> tuple[float, float, float]:
    """Median and quartiles over the rounds of a round's `theirs / mine`."""
    r = np.array(theirs) / np.array(mine)
    return tuple(float(q) for q in np.quantile(r, [0.5, 0.25, 0.75]))


def _number(ms: float) -> str:
    return f"{ms:.2f}" if ms < 10 else f"{ms:.1f}"


def _cell(row: dict, key: str, base: str) -> str:
    if key not in row["ms"]:
        return "–"
    ms = row["ms"][key]
    text = _number(float(np.median(ms)))
    if key == base or base not in row["ms"]:
        return text
    middle, low, high = ratio(row["ms"][base], ms)
    return f"{text} · **{middle:.2f}** ({low:.2f}–{high:.2f})"


def best_peer(row: dict) -> str | None:
    """The f32 peer with the smallest median."""
    return min(_f32_peers(row), key=lambda k: float(np.median(row["ms"][k])), default=None)


def _f32_peers(row: dict) -> list[str]:
    return [k for k in row["ms"] if not k.startswith("engine") and not k.endswith(" default")]


def _columns(rows) -> list[str]:
    keys = []
    for r in rows:
        keys += [k for k in r["ms"] if k not in keys]
    return keys


def times(rows: list[dict]) -> str:
    """The table: a line a setting, a column a runtime, milliseconds a record and the ratio to the engine."""
    keys = _columns(rows)
    base = "engine f32" if "engine f32" in keys else keys[0]
    reduced = [k for k in keys if k.startswith("engine") and k != base]
    extra = [f"OpenVINO default / {k}" for k in reduced if "OpenVINO default" in keys]
    head = ["network", "batch", "threads", *keys, *extra, "best f32 peer"]
    out = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for r in rows:
        best = best_peer(r)
        cells = [r["network"], str(r["batch"]), str(r["threads"])] + [_cell(r, k, base) for k in keys]
        for k in reduced[:len(extra)]:
            both = k in r["ms"] and "OpenVINO default" in r["ms"]
            cells.append(f"{ratio(r['ms'][k], r['ms']['OpenVINO default'])[0]:.2f}" if both else "–")
        named = best and base in r["ms"]
        cells.append(f"{best} · **{ratio(r['ms'][base], r['ms'][best])[0]:.2f}**" if named else "–")
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def busy_times(rows: list[dict]) -> str:
    """The table beside busy processes: a line a setting and number of them, a column a runtime. The last columns are
    ratios of means: the engine's to the one that it has on one thread beside as many, and the best f32 peer's to it."""
    keys = _columns(rows)
    base = "engine f32" if "engine f32" in keys else keys[0]
    alone = {(r["network"], r["batch"], r["busy"]): r["ms"][base]["mean"] for r in rows if r["threads"] == 1 and base in r["ms"]}
    head = ["network", "batch", "threads", "busy", *keys, f"{base} / 1 thread", "best f32 peer"]
    out = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for r in rows:
        cells = [r["network"], str(r["batch"]), str(r["threads"]), str(r["busy"])]
        for key in keys:
            ms = r["ms"].get(key)
            cells.append(f"{_number(ms['p50'])} · **{_number(ms['mean'])}** · {_number(ms['p99'])}" if ms else "–")
        mine = r["ms"].get(base, {}).get("mean")
        one = alone.get((r["network"], r["batch"], r["busy"]))
        cells.append(f"{mine / one:.2f}" if mine and one and r["threads"] > 1 else "–")
        best = min(_f32_peers(r), key=lambda k: r["ms"][k]["mean"], default=None)
        cells.append(f"{best} · **{r['ms'][best]['mean'] / mine:.2f}**" if mine and best else "–")
        out.append("| " + " | ".join(cells) + " |")
    return "\n".join(out)


def runtimes(rows: list[dict]) -> str:
    """Each runtime's version, what it computes in, its worst error and how it takes a batch."""
    out = ["| runtime | version | computes in | worst error | how a batch is run |", "| --- | --- | --- | ---: | --- |"]
    words = {"together": "in one call", "one_by_one": "record by record",
             "shared_out": "record by record, shared out to single threads"}
    for key in _columns(rows):
        mine = [r for r in rows if key in r["about"]]
        about = mine[-1]["about"][key]
        forms = sorted({words[r["about"][key]["form"]] for r in mine if r["batch"] > 1})
        error = max(r["error"][key] for r in mine)
        out.append(f"| {key} | {about['version']} | {about['precision']} | {error:.1e} | {'; '.join(forms) or '–'} |")
    return "\n".join(out)


def cold(rows: list[dict]) -> str:
    """Cold starts."""
    out = ["| network | runtime | process start to end, ms | load and first run alone, ms | peak memory, MB | of it before the load |",
           "| --- | --- | ---: | ---: | ---: | ---: |"]
    for r in rows:
        load, before = r.get("load_ms"), r.get("before_mb")
        out.append(f"| {r['network']} | {r['runtime']} | {_number(r['start_ms'])} | {_number(load) if load else '–'} "
                   f"| {r['peak_mb']:.0f} | {f'{before:.0f}' if before else '–'} |")
    return "\n".join(out)


def page(kept: dict) -> str:
    """All that a file of results holds, as Markdown."""
    rows, beside, starts = kept.get("times", []), kept.get("busy", []), kept.get("cold", [])
    out = []
    for what in sorted({(r["date"], r["machine"], r["commit"]) for r in rows + beside + starts}):
        out.append(f"{what[0]}, {what[1]}, commit {what[2]}, Python {sys.version.split()[0]}.")
    if rows:
        out.append("Milliseconds a record (median) and, in bold, how many times the engine's f32 time that is: the median of "
                   f"{_span(r['rounds'] for r in rows)} rounds, quartiles in brackets.")
        out += _disturbed(rows)
        out.append(times(rows))
    if beside:
        out.append("Milliseconds a record beside so many busy processes, of which each would use one core: P50, **mean** and P99 "
                   f"of {_span(n for r in beside for n in r['runs'].values())} runs in {_span(r['rounds'] for r in beside)} rounds. "
                   "The last columns compare means.")
        out += _disturbed(beside)
        out.append(busy_times(beside))
    if rows + beside:
        out.append(runtimes(rows + beside))
    if starts:
        out.append(cold(starts))
    return "\n\n".join(out) + "\n"


def _span(numbers) -> str:
    every = sorted(set(numbers))
    return f"{every[0]}" if len(every) == 1 else f"{every[0]} to {every[-1]}"


def _disturbed(rows: list[dict]) -> list[str]:
    disturbed, turns = sum(r["disturbed"] for r in rows), sum(r["rounds"] * len(r["ms"]) for r in rows)
    return [f"Other processes disturbed {disturbed} of {turns} turns: the machine was not idle."] if disturbed else []
