"""Busy processes and their tables; neither PyTorch nor a peer is needed."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from efficientecg_peers import __main__ as command
from efficientecg_peers import busy, contest, report

# A runtime whose runs take as long as a clock says, or that dies at the third turn.
WORKER = """
import json, sys, time
def answer(**what):
    print(json.dumps(what), flush=True)
answer(name="fake", version="1", form="together", precision="f32")
turns = 0
for line in sys.stdin:
    word, _, n = line.strip().partition(" ")
    if word == "check":
        answer(logits=[[1.0, 2.0]])
        continue
    turns += 1
    if turns == 3 and "dies" in sys.argv:
        sys.exit("no more")
    answer(seconds=[0.1] * int(n))
"""


def alive(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for is over too."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def within(seconds: float, what) -> bool:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def started(monkeypatch):
    """The busy processes that the test starts, in groups as they were started."""
    every, plain = [], busy.Busy.__init__

    def noted(self):
        plain(self)
        every.append(self.processes)

    monkeypatch.setattr(busy.Busy, "__init__", noted)
    return every


@pytest.fixture
def setting(tmp_path, monkeypatch):
    """Runs a setting of runtimes that are not there, quickly."""
    np.save(tmp_path / "net.logits.npy", np.array([[1.0, 2.0]]))
    monkeypatch.setattr(contest, "SETTLE_S", 0.0)
    monkeypatch.setattr(contest, "TRIES", 0)

    def run(numbers, *more, rounds=2):
        runtimes = [contest.Runtime("engine f32", (sys.executable, "-c", WORKER), peer=False),
                    contest.Runtime("LiteRT", (sys.executable, "-c", WORKER, *more))]
        return contest.run(contest.Setting("net", 1, 2), str(tmp_path / "net"), runtimes, rounds, lambda _: None, numbers)

    return run


def test_each_process_is_busy_until_the_end():
    with busy.processes(2) as others:
        pids = [p.pid for p in others.processes]
        assert len(set(pids)) == 2
        before = [busy.ticks(pid) for pid in pids]
        assert within(30, lambda: all(busy.ticks(pid) >= b + 5 for pid, b in zip(pids, before)))
        assert others.ticks() >= sum(before) + 10
    assert not any(alive(pid) for pid in pids)
    with busy.processes(0) as others:
        assert others.ticks() == 0


@pytest.mark.parametrize("error", [contest.Failure, KeyboardInterrupt, SystemExit])
def test_no_error_leaves_one_behind(error):
    with pytest.raises(error), busy.processes(2) as others:
        pids = [p.pid for p in others.processes]
        raise error
    assert len(pids) == 2 and not any(alive(pid) for pid in pids)


def test_those_that_started_are_killed_if_one_cannot(monkeypatch, started):
    plain = subprocess.Popen

    def second_fails(*arguments, **options):
        if started[0]:
            raise OSError("no more processes")
        return plain(*arguments, **options)

    monkeypatch.setattr(busy.subprocess, "Popen", second_fails)
    with pytest.raises(OSError, match="no more"), busy.processes(2):
        pass
    assert len(started[0]) == 1 and not alive(started[0][0].pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_they_end_with_the_process_that_started_them(number):
    # A shell's background job ignores SIGINT, and so would all that it starts.
    text = ("import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nfrom efficientecg_peers import busy\n"
            "with busy.processes(2) as b:\n    print(*(p.pid for p in b.processes), flush=True)\n    time.sleep(300)\n")
    # In a session of its own, whose group gets the signal, as from a terminal.
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              start_new_session=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)})
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 2 and all(alive(pid) for pid in pids)
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)
    else:
        parent.send_signal(number)
    try:
        assert parent.wait(30) != 0
        parent.stdout.close()
        assert within(30, lambda: not any(alive(pid) for pid in pids))
    finally:
        for pid in filter(alive, pids):
            os.kill(pid, signal.SIGKILL)


def test_one_that_ends_by_itself_is_an_error():
    with busy.processes(1) as others:
        others.processes[0].kill()
        others.processes[0].wait()
        with pytest.raises(busy.Ended):
            others.ticks()


def test_every_round_has_every_number(setting, started):
    result = setting([0, 2, 1], rounds=3)
    assert sorted(map(len, started)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    # Each round has all of them before the next begins.
    assert all(sorted(map(len, started[i:i + 3])) == [0, 1, 2] for i in (0, 3, 6))
    assert not any(alive(p.pid) for group in started for p in group)
    assert list(result.runs) == [0, 2, 1]
    assert all(len(turns) == 3 for by_runtime in result.runs.values() for turns in by_runtime.values())
    assert len(result.runs[0]["LiteRT"][0]) == 3 and len(result.runs[1]["LiteRT"][0]) == 5
    assert result.ms["LiteRT"] == pytest.approx([100.0] * 3)


def test_a_runtime_that_dies_takes_the_busy_processes_with_it(setting, started):
    with pytest.raises(contest.Failure, match="LiteRT: its process ended: no more"):
        setting([1], "dies", rounds=5)
    assert len(started) == 1 and not alive(started[0][0].pid)


def test_the_table_has_a_row_a_number_with_p50_mean_and_p99():
    rows = []
    for threads, scale in ((1, 1.0), (2, 0.5)):
        result = contest.Result(contest.Setting("net", 1, threads))
        for number in (0, 1, 3):
            # 98 runs, and two that wait for a time slice.
            mine = [2.0 * scale] * 98 + [102.0 * number + 2.0 * scale] * 2
            result.runs[number] = {"engine f32": [mine[:50], mine[50:]], "LiteRT": [[6.0], [6.0]],
                                   "rten": [[7.0], [7.0]], "OpenVINO default": [[1.0], [1.0]]}
            result.disturbed[number] = 1 if number == 3 else 0
        result.about = {k: {"version": "1", "precision": "f32", "form": "together"} for k in result.runs[0]}
        result.error = dict.fromkeys(result.about, 0.0)
        rows += report.busy_rows(result, ".")
    assert [(r["threads"], r["busy"], r["runs"]["engine f32"]) for r in rows] == [
        (1, 0, 100), (1, 1, 100), (1, 3, 100), (2, 0, 100), (2, 1, 100), (2, 3, 100)]
    lines = report.busy_times(rows).splitlines()
    assert len(lines) == 2 + 6
    assert lines[3].startswith("| net | 1 | 1 | 1 | 2.00 · **4.04** · 104.0 | 6.00 · **6.00** · 6.00 |")
    assert lines[3].endswith("| – | LiteRT · **1.49** |")
    # 3.04 / 4.04 of one thread's mean beside as many.
    assert lines[6].startswith("| net | 1 | 2 | 1 | 1.00 · **3.04** · 103.0 |") and "| 0.75 | LiteRT · **1.97** |" in lines[6]
    page = report.page({"busy": rows})
    assert lines[6] in page and "2 to 100 runs in 2 rounds" in page and "disturbed 2 of 48 turns" in page
    assert "median" not in page


def test_the_idle_row_is_what_it_was(setting):
    row = report.row(setting([0]), ".")
    assert row["ms"] == {"engine f32": pytest.approx([100.0] * 2), "LiteRT": pytest.approx([100.0] * 2)}
    assert (row["rounds"], row["threads"]) == (2, 2) and "busy" not in row


def test_options(capsys):
    assert command.arguments([]).busy == [0]
    assert command.arguments(["--busy", "1,2,1"]).busy == [1, 2]
    for wrong in (["--busy", "-1"], ["--busy", "x"], ["--cold", "--busy", "1"]):
        with pytest.raises(SystemExit):
            command.arguments(wrong)
    assert "numbers from 0" in capsys.readouterr().err


def test_a_whole_name_is_that_one_alone():
    names = ["LiteRT", "OpenVINO", "OpenVINO default"]
    assert command.chosen(["openvino"], names) == ["OpenVINO"]
    assert command.chosen(["openvino-default", "lite"], names) == ["LiteRT", "OpenVINO default"]
    assert command.chosen(["vino"], names) == ["OpenVINO", "OpenVINO default"]
    assert command.chosen(["b0"], names) == names
