"""One setting measured: every runtime's process started, checked, then timed by turns."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field

import numpy as np

from . import busy as beside
from .busy import Busy, ticks

TURN_S = 0.25  # what a turn should take
BUSY_TURN_S = 0.5  # the same beside busy processes: many of the scheduler's time slices
MOST_RUNS, MOST_BUSY_RUNS = 100, 1000  # of a turn
SETTLE_S = 0.1  # until the scheduler has placed processes that have just started
DISTURBED = 0.1  # of one processor, taken by other processes: the turn is tried again
TRIES = 4
TOLERANCE = {"engine": 2e-5, "peer": 1e-4}
REDUCED = {"f16": 2e-2, "bf16": 6e-2}


@dataclass(frozen=True)
class Setting:
    """What is run."""

    network: str
    batch: int
    threads: int

    def __str__(self):
        return f"{self.network}, batch {self.batch}, {self.threads} thread{'s' * (self.threads > 1)}"


@dataclass(frozen=True)
class Runtime:
    """A worker's key in tables, its command less the setting, and whether it is a peer that computes in f32."""

    key: str
    command: tuple[str, ...]
    more: tuple[str, ...] = ()
    peer: bool = True

    @property
    def reduced(self) -> str | None:
        return next((p for p in ("bf16", "f16", "default") if self.key.endswith(" " + p)), None)


def runtimes(binaries: str, precisions, engine: str | None = None) -> list[Runtime]:
    """All of them, the engine's precisions first; `engine` is its worker, if it is not the one in `binaries`."""
    python = (sys.executable, "-m", "efficientecg_peers.worker")

    def rust(name):
        return (os.path.join(binaries, name),)

    engine = (engine,) if engine else rust("engine")
    return [Runtime(f"engine {p}", engine, ("--precision", p), peer=False) for p in precisions] + [
        Runtime("ONNX Runtime", (*python, "ort")),
        Runtime("LiteRT", (*python, "litert")),
        Runtime("OpenVINO", (*python, "openvino")),
        Runtime("OpenVINO default", (*python, "openvino-default")),
        Runtime("tract", rust("tract")),
        Runtime("rten", rust("rten")),
    ]


class Failure(Exception):
    """A worker that cannot run or is wrong."""


class Worker:
    """A runtime's process."""

    def __init__(self, runtime: Runtime, prefix: str, setting: Setting):
        self.runtime = runtime
        command = [*runtime.command, prefix, *runtime.more,
                   "--batch", str(setting.batch), "--threads", str(setting.threads)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        self.about = self._answer()

    def _answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            self.process.stdin.close()
            said = [s for s in self.process.stderr.read().splitlines() if s.strip()]
            raise Failure(f"{self.runtime.key}: its process ended: {said[-1] if said else 'without a word'}")
        return json.loads(line)

    def ask(self, line: str) -> dict:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def turn(self, n: int, busy: Busy) -> tuple[list[float], float]:
        """The seconds of `n` runs, and the processors' time that others than busy processes took meanwhile, as a share."""
        start, other = time.perf_counter(), self._others(busy)
        seconds = self.ask(f"time {n}")["seconds"]
        taken = (self._others(busy) - other) / os.sysconf("SC_CLK_TCK") / (time.perf_counter() - start)
        return seconds, max(0.0, taken)

    def _others(self, busy: Busy) -> int:
        """Ticks that all processors spent busy, for others than this worker and those, or stolen by another machine."""
        with open("/proc/stat", encoding="ascii") as f:
            user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
        return user + nice + system + irq + softirq + steal - ticks(self.process.pid) - busy.ticks()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Result:
    """A setting's figures, and what is known of each runtime. `runs` holds milliseconds a record by the number of busy
    processes, runtime, round and run; `disturbed` counts turns by the number of busy processes."""

    setting: Setting
    runs: dict[int, dict[str, list[list[float]]]] = field(default_factory=dict)
    about: dict[str, dict] = field(default_factory=dict)
    error: dict[str, float] = field(default_factory=dict)
    disturbed: dict[int, int] = field(default_factory=dict)

    @property
    def ms(self) -> dict[str, list[float]]:
        """The median of each round by runtime, on the idle machine."""
        return {key: [float(np.median(turn)) for turn in turns] for key, turns in self.runs.get(0, {}).items()}


def worst_error(logits, reference) -> float:
    """`max|y - ref| / max(1, max|ref|)`; infinite where a logit is not finite."""
    y = np.asarray(logits, "f8")
    if y.shape != reference.shape:
        raise Failure(f"logits of shape {y.shape}, expected {reference.shape}")
    if not np.isfinite(y).all():
        return float("inf")
    return float(np.abs(y - reference).max() / max(1.0, np.abs(reference).max()))


def limit(runtime: Runtime) -> float:
    """The largest error that passes; a peer's reduced precision need only be finite."""
    if runtime.peer:
        return 1e30 if runtime.reduced else TOLERANCE["peer"]
    return REDUCED.get(runtime.reduced, TOLERANCE["engine"])


def check(worker: Worker, reference) -> float:
    error = worst_error(worker.ask("check")["logits"], reference)
    if not error <= limit(worker.runtime):
        raise Failure(f"{worker.runtime.key}: logits are wrong: error {error:.2g}, at most {limit(worker.runtime):.0e}")
    return error


def run(setting: Setting, prefix: str, chosen: list[Runtime], rounds: int, say=print, busy=(0,)) -> Result:
    """Starts the workers, one after another, and lets one work at a time, in each round beside every number of `busy`
    processes; each round has another order."""
    reference = np.load(f"{prefix}.logits.npy")[:setting.batch]
    result, workers, warm = Result(setting), {}, {}
    turns: dict[tuple[int, str], int] = {}
    order = random.Random(1)
    try:
        for runtime in chosen:
            worker = Worker(runtime, prefix, setting)
            workers[runtime.key] = worker
            result.about[runtime.key] = worker.about
            result.error[runtime.key] = check(worker, reference)
            warm[runtime.key] = min(worker.ask("time 3")["seconds"])
            say(f"  {runtime.key}: about {1e3 * warm[runtime.key] / setting.batch:.2f} ms a record, "
                f"error {result.error[runtime.key]:.1e}, {worker.about['form']}")
        for number in busy:
            result.runs[number] = {key: [] for key in workers}
            result.disturbed[number] = 0
        for _ in range(rounds):
            numbers = list(busy)
            order.shuffle(numbers)
            for number in numbers:
                keys = list(workers)
                order.shuffle(keys)
                with beside.processes(number) as others:
                    if number:
                        time.sleep(SETTLE_S)
                    for key in keys:
                        time.sleep(0.02)  # threads of the one before stop spinning
                        if (number, key) not in turns:
                            turns[number, key] = runs_of_a_turn(workers[key], warm[key], number)
                        seconds, disturbed = undisturbed(workers[key], turns[number, key], others)
                        result.disturbed[number] += disturbed
                        result.runs[number][key].append([1e3 * s / setting.batch for s in seconds])
    except beside.Ended as ended:
        raise Failure(str(ended)) from ended
    finally:
        for worker in workers.values():
            worker.close()
    return result


def runs_of_a_turn(worker: Worker, warm: float, number: int) -> int:
    """How many runs fill a turn. Beside busy processes, of which `number` run, that takes a trial: a runtime whose threads
    wait for each other may be many times slower there. `warm` are the seconds of a run on the idle machine."""
    if number == 0:
        return max(3, min(MOST_RUNS, round(TURN_S / warm)))
    trial = max(3, min(MOST_BUSY_RUNS, round(TURN_S / 4 / warm)))
    return max(3, min(MOST_BUSY_RUNS, round(BUSY_TURN_S / float(np.mean(worker.ask(f"time {trial}")["seconds"])))))


def undisturbed(worker: Worker, n: int, busy: Busy) -> tuple[list[float], bool]:
    """A turn, tried again while other processes than the busy ones disturb it, and whether the best one was disturbed."""
    seconds, taken = worker.turn(n, busy)
    for _ in range(TRIES):
        if taken <= DISTURBED:
            break
        time.sleep(0.2)
        seconds, taken = min((seconds, taken), worker.turn(n, busy), key=lambda t: t[1])
    return seconds, taken > DISTURBED
