"""Times the engine beside ONNX Runtime, LiteRT, OpenVINO, tract and rten on the same networks.

Every runtime is a process of its own; one works at a time, by turns, for some rounds. Logits are held
against the training module in f64 first, and a peer that is wrong is a failure. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys

from . import contest, report
from .contest import Failure, Setting

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
HOME = os.path.join(ROOT, "target", "peers")
BINARIES = os.path.join(HOME, "cargo", "release")
PROGRAM = os.path.join(ROOT, "target", "release", "efficientecg")
NETWORKS = ("b0-12x5000", "lite-12x5000", "b0-2x720")


def numbers(text: str, least: int = 1) -> list[int]:
    out = [int(part) for part in text.split(",")]
    if min(out) < least:
        raise argparse.ArgumentTypeError(f"{text}: numbers from {least}")
    return out


def counts(text: str) -> list[int]:
    return list(dict.fromkeys(numbers(text, least=0)))


def words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def arguments(argv) -> argparse.Namespace:
    p = argparse.ArgumentParser(prog="benches/peers/run", description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", type=words, default=[], metavar="WORDS",
                   help="networks and peers whose names hold one of these, as b0-2x720,litert; a whole name means "
                        "that one alone; the engine always runs")
    p.add_argument("--batch", type=numbers, default=[1, 32], metavar="N,N", help="batch sizes, at most 32")
    p.add_argument("--threads", type=numbers, default=[1, 2], metavar="N,N")
    p.add_argument("--busy", type=counts, default=[0], metavar="N,N",
                   help="beside so many busy processes, with P50, mean and P99 (0: the idle machine alone)")
    p.add_argument("--rounds", type=int, default=9, help="turns that each runtime gets (9)")
    p.add_argument("--precision", type=words, default=["f32"], metavar="P,P",
                   help="the engine's precisions (f32)")
    p.add_argument("--cold", action="store_true", help="cold starts and memory instead of times")
    p.add_argument("--json", metavar="FILE",
                   help="keep results here: new ones take the place of old ones of the same setting")
    p.add_argument("--report", action="store_true", help="run nothing; print what --json FILE holds")
    p.add_argument("--prepare", action="store_true", help="build and write the networks, and stop")
    p.add_argument("--no-build", action="store_true", help="take the programs as they are")
    p.add_argument("--engine", metavar="FILE", help="the engine's worker, built from another revision")
    args = p.parse_args(argv)
    if args.cold and (args.busy != [0] or args.engine):
        p.error("--cold: --busy and --engine do not go with it")
    return args


def chosen(only: list[str], names) -> list[str]:
    """The names that hold one of the words, or are it; all where no word speaks of any."""
    lower = [(n, n.lower().replace(" ", "-")) for n in names]
    whole = {low for _, low in lower}
    hit = [n for n, low in lower if any(w.lower() == low or w.lower() in low and w.lower() not in whole for w in only)]
    return hit or list(names)


def build(peers) -> None:
    """The engine's program and the Rust workers that are needed, each by itself: packages built together share features,
    and would be built anew for another choice of peers."""
    workers = os.path.join(ROOT, "benches", "peers", "rust", "Cargo.toml")
    environment = {k: v for k, v in os.environ.items() if k != "CARGO_TARGET_DIR"}
    packages = ["worker", "engine"] + [p for p in ("rten", "tract") if p in peers]
    builds = [["-p", "efficientecg-cli", "--manifest-path", os.path.join(ROOT, "Cargo.toml")]]
    builds += [["-p", f"peers-{p}", "--manifest-path", workers, "--target-dir", os.path.dirname(BINARIES)]
               for p in packages]
    for more in builds:
        command = ["cargo", "build", "--release", "-q", *more]
        if subprocess.run(command, env=environment, check=False).returncode != 0:
            raise Failure(f"building failed: {' '.join(command)}")


def keep(kept: dict, kind: str, new: dict, keys) -> None:
    """Puts a row in place of an older one of the same setting."""
    rows = kept.setdefault(kind, [])
    for i, old in enumerate(rows):
        if all(old[k] == new[k] for k in keys):
            rows[i] = new
            return
    rows.append(new)


def load(path: str | None) -> dict:
    if path and os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    return {"schema": "efficientecg-peers/1"}


def store(path: str | None, kept: dict) -> None:
    if path:
        with open(path + ".tmp", "w", encoding="utf-8") as f:
            json.dump(kept, f, indent=1)
        os.replace(path + ".tmp", path)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(argv=None) -> int:
    args = arguments(argv)
    kept = load(args.json)
    if args.report:
        print(report.page(kept), end="")
        return 0
    folder = os.path.join(HOME, "models")
    names = chosen(args.only, NETWORKS)
    every = contest.runtimes(BINARIES, args.precision, args.engine)
    # "lite" is a network, and no word for LiteRT too.
    others = [w for w in args.only if not any(w.lower() in n for n in NETWORKS)]
    peers = chosen(others, [r.key for r in every if r.peer])
    if not args.no_build:
        build(peers)
    # In a process of its own, which takes PyTorch with it when it ends.
    subprocess.run([sys.executable, "-m", "efficientecg_peers.networks", folder, *names,
                    *[f"--batch={b}" for b in {1, *args.batch}]], check=True)
    if args.prepare:
        return 0
    runtimes = [r for r in every if not r.peer or r.key in peers]
    if args.cold:
        from . import cold

        for name in names:
            for r in runtimes:
                say(f"{name}, {r.key}: cold start")
                figures = cold.measure(os.path.join(folder, name), r, os.path.join(BINARIES, "cold"), PROGRAM,
                                       args.rounds, os.path.join(HOME, "cold.npz"))
                figures |= {"network": name, "runtime": r.key} | report.circumstances(ROOT)
                keep(kept, "cold", figures, ("network", "runtime"))
                store(args.json, kept)
    else:
        for setting in [Setting(n, b, t) for n in names for b in args.batch for t in args.threads]:
            say(f"{setting}:")
            result = contest.run(setting, os.path.join(folder, setting.network), runtimes, args.rounds, say, args.busy)
            if 0 in args.busy:
                keep(kept, "times", report.row(result, ROOT), ("network", "batch", "threads"))
            if args.busy != [0]:
                for row in report.busy_rows(result, ROOT):
                    keep(kept, "busy", row, ("network", "batch", "threads", "busy"))
            store(args.json, kept)
    print(report.page(kept), end="")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Failure as failure:
        sys.exit(f"peers: {failure}")
