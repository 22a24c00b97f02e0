"""Busy processes: what else runs on a machine that is shared."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

# Its argument is the process that it belongs to, whose end it does not outlive, however that comes about. Ctrl-C goes to
# the whole group of processes, and is for that process to act on.
LOOP = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
parent = int(sys.argv[1])
print("busy", flush=True)
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


class Ended(Exception):
    """A busy process that has ended by itself."""


def ticks(pid: int) -> int:
    """Ticks of processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return sum(map(int, f.read().rsplit(") ", 1)[1].split()[11:13]))


class Busy:
    """So many processes that are busy."""

    def __init__(self):
        self.processes: list[subprocess.Popen] = []

    def ticks(self) -> int:
        """Ticks of processor time that all of them have used."""
        if any(p.poll() is not None for p in self.processes):
            raise Ended("a busy process has ended by itself")
        return sum(ticks(p.pid) for p in self.processes)


@contextlib.contextmanager
def processes(number: int) -> Iterator[Busy]:
    """Starts processes of which each keeps one core busy, and kills them at the end, whatever that is."""
    busy = Busy()
    try:
        for _ in range(number):
            # In this session: Linux may give each session an equal share of the processor.
            busy.processes.append(subprocess.Popen([sys.executable, "-c", LOOP, str(os.getpid())],
                                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True))
        for process in busy.processes:
            if not process.stdout.readline():
                raise Ended("a busy process cannot start")
        yield busy
    finally:
        for process in busy.processes:
            process.kill()
        for process in busy.processes:
            process.wait()
            process.stdout.close()
