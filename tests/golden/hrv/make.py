"""Makes the golden series of NN intervals, with the figures that NeuroKit2 has of them.

    python make.py                      # writes the files beside this one; needs neurokit2
    python make.py RECORDS_FOLDER       # compares on the annotated beats of records, by the example `hrv`; needs wfdb too

A golden file has lines `# NAME VALUE`, then `END MS` an interval: the time of its second beat in seconds, and its length in
milliseconds. NeuroKit2 gets the intervals with these times. Its spectrum is Welch's of the same settings: a cubic spline at
4 Hz, windows of 300 s, half overlapping, all of them, less the mean of the record (the `level`).
"""

import math
import subprocess
import sys
import warnings
from pathlib import Path

import neurokit2 as nk
import numpy as np

HERE = Path(__file__).parent
TIME = {
    "mean": "HRV_MeanNN",
    "sdnn": "HRV_SDNN",
    "sdann": "HRV_SDANN5",
    "sdnn_index": "HRV_SDNNI5",
    "rmssd": "HRV_RMSSD",
}
BANDS = {"vlf": "HRV_VLF", "lf": "HRV_LF", "hf": "HRV_HF"}


def figures(ends, ms):
    """NeuroKit2's figures, by the names of the golden files."""
    warnings.simplefilter("ignore")
    rri = {"RRI": np.array(ms), "RRI_Time": np.array(ends)}
    time = nk.hrv_time(rri, sampling_rate=1000)
    values = {name: float(time[column].iloc[0]) for name, column in TIME.items()}
    values["pnn50"] = float(time["HRV_pNN50"].iloc[0]) / 100
    if ends[-1] - ends[0] < 300:
        return values
    even, times, _ = nk.intervals_process(
        rri["RRI"], intervals_time=rri["RRI_Time"], interpolate=True, interpolation_rate=4, method="cubic"
    )
    bands = nk.hrv_frequency(
        {"RRI": even, "RRI_Time": times}, interpolation_rate=None, psd_method="welch", window=300, normalize=False
    )
    values["level"] = float(np.mean(even))
    values.update({name: float(bands[column].iloc[0]) for name, column in BANDS.items()})
    return values


def numbers(seed):
    """Numbers from 0 to 1 that are the same everywhere."""
    state = seed
    while True:
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        yield (state >> 40) / 2**24


def series(seed, seconds, left_out):
    """Beats on a grid of milliseconds, of which some intervals are left out."""
    noise = numbers(seed)
    end, rows, at = 0, [], 0
    while end < seconds * 1000:
        t = end / 1000
        slow = 60 * math.sin(t / 700) + 40 * math.sin(2 * math.pi * 0.02 * t)
        waves = 30 * math.sin(2 * math.pi * 0.1 * t) + 20 * math.sin(2 * math.pi * 0.25 * t)
        ms = round(820 + slow + waves + 60 * (next(noise) - 0.5))
        end += ms
        at += 1
        if not (left_out and at % left_out < 2):
            rows.append((end / 1000, float(ms)))
    return [end for end, _ in rows], [ms for _, ms in rows]


def write():
    for name, args in {"whole": (1, 1800, 0), "ectopic": (2, 1500, 40), "short": (3, 60, 0)}.items():
        ends, ms = series(*args)
        lines = [f"# {key} {value!r}" for key, value in figures(ends, ms).items() if math.isfinite(value)]
        lines += [f"{end:.3f} {length:.0f}" for end, length in zip(ends, ms)]
        (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n")


def annotated(path):
    """The NN intervals of a record's annotated beats: both normal, with no other beat between. Times are whole milliseconds, so
    that no rounding decides whether a difference is more than 50 ms."""
    import wfdb

    notes = wfdb.rdann(str(path.with_suffix("")), "atr")
    beats = [(t, s) for t, s in zip(notes.sample, notes.symbol) if s in "NLRVFJASEj/QB?enfrae"]
    pairs = zip(beats, beats[1:])
    normal = [(a, b) for (a, s), (b, u) in pairs if s in "NLRej" and u in "NLRej" and b > a]
    whole = [(round(1000 * a / notes.fs), round(1000 * b / notes.fs)) for a, b in normal]
    return [b / 1000 for _, b in whole], [float(b - a) for a, b in whole]


def compare(folder):
    """Prints the largest relative difference of each figure over a folder of records."""
    worst = {}
    for path in sorted(Path(folder).glob("*.atr")):
        ends, ms = annotated(path)
        if len(ms) < 10:
            print(f"{path.stem}: {len(ms)} NN intervals, left out")
            continue
        text = "".join(f"{end!r} {length!r}\n" for end, length in zip(ends, ms))
        command = ["cargo", "run", "-q", "--release", "-p", "efficientecg-tests", "--no-default-features"]
        command += ["--example", "hrv"]
        theirs = figures(ends, ms)
        command += ["--", str(theirs.get("level", 0.0))]
        lines = subprocess.run(command, input=text, text=True, capture_output=True, check=True).stdout
        ours = {name: float(value) for name, value in (line.split() for line in lines.splitlines())}
        for name, value in theirs.items():
            if name == "level" or not math.isfinite(value):
                continue
            off = abs(ours.get(name, math.nan) - value) / abs(value) if value else abs(ours.get(name, math.nan))
            worst.setdefault(name, []).append((off, path.stem))
    for name, offs in worst.items():
        off, record = max(offs, key=lambda pair: (math.isnan(pair[0]), pair[0]))
        print(f"{name}: {len(offs)} records, at most {off:.3g}, in {record}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        compare(sys.argv[1])
    else:
        write()
