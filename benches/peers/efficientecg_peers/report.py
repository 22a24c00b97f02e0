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
        "rounds": len(next(iter(result.ms.values()))), "disturbed": result.disturbed,
        "ms": result.ms, "about": result.about, "error": result.error,
    } | circumstances(root)


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
    peers = [k for k in row["ms"] if not k.startswith("engine") and not k.endswith(" default")]
    return min(peers, key=lambda k: float(np.median(row["ms"][k])), default=None)


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
    rows, starts = kept.get("times", []), kept.get("cold", [])
    out = []
    for what in sorted({(r["date"], r["machine"], r["commit"]) for r in rows + starts}):
        out.append(f"{what[0]}, {what[1]}, commit {what[2]}, Python {sys.version.split()[0]}.")
    if rows:
        rounds = sorted({r["rounds"] for r in rows})
        count = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}"
        out.append("Milliseconds a record (median) and, in bold, how many times the engine's f32 time that is: the median of "
                   f"{count} rounds, quartiles in brackets.")
        disturbed = [r for r in rows if r["disturbed"]]
        if disturbed:
            turns = sum(len(ms) for r in rows for ms in r["ms"].values())
            out.append(f"Other processes disturbed {sum(r['disturbed'] for r in disturbed)} of {turns} turns: "
                       "the machine was not idle.")
        out += [times(rows), runtimes(rows)]
    if starts:
        out.append(cold(starts))
    return "\n\n".join(out) + "\n"
