#!/usr/bin/env python3
"""Makes golden.json: what WFDB's bxb, epicmp and sumstats say of made-up annotations.

    python3 tests/golden/scores/make.py        from the repository root; bxb, epicmp, sumstats (WFDB 10.7.0) on PATH

Each record has annotations of a reference and of a test, as [time, symbol, subtype, text or null], at 360 ticks a second: beats,
some missed, moved or extra; ventricular fibrillation; shutdowns; changes of rhythm. The lines are the programs', word for word.
"""

import json
import os
import random
import struct
import subprocess
import tempfile

CODES = dict(zip("NLRaVFJASEj/Q~", range(1, 15), strict=True)) | {"+": 28, "!": 31, "[": 32, "]": 33, "e": 34, "f": 38, "r": 41}
SAMPLES = 144000
RHYTHMS = ["(AFIB", "(AFIB", "(AFIB", "(N", "(N", "(AFL", "(AFIB2", "(AF", "(VT", "x"]


def encoded(annotations):
    """Annotations in the MIT format."""
    out, before = bytearray(), 0
    for time, symbol, subtype, text in annotations:
        step = time - before
        if step > 1023:
            out += struct.pack("<HHH", 59 << 10, step >> 16, step & 0xFFFF)
            step = 0
        out += struct.pack("<H", CODES[symbol] << 10 | step)
        if subtype:
            out += struct.pack("<H", 61 << 10 | subtype & 0x3FF)
        if text is not None:
            data = text.encode()
            out += struct.pack("<H", 63 << 10 | len(data)) + data + b"\0" * (len(data) % 2)
        before = time
    return bytes(out + b"\0\0")


def parts(rng, first, last):
    """Pairs of times."""
    at = rng.randint(0, 30000)
    for _ in range(rng.randint(0, 4)):
        end = at + rng.randint(first, last)
        if end > SAMPLES:
            return
        yield at, end
        at = end + rng.randint(1000, 30000)


def one_side(rng, beats, is_test):
    out = []
    for beat in beats:
        if is_test and rng.random() < 0.04:
            continue
        time = beat + (rng.choice([0, 0, 1, -3, 20, 50, -54, 60]) if is_test else 0)
        out.append([max(time, 1), rng.choice("NNNNNVALFQj/Er"), 0, None])
        if is_test and rng.random() < 0.04:
            out.append([time + rng.randint(20, 200), rng.choice("NV"), 0, None])
    for start, end in parts(rng, 300, 6000):
        out = [a for a in out if not start <= a[0] <= end] + [[start, "[", 0, None], [end, "]", 0, None]]
    for start, end in parts(rng, 300, 6000):
        out = [a for a in out if not start <= a[0] <= end] + [[start, "~", -1, None], [end, "~", 0, None]]
    time = 0
    while time < SAMPLES + 5000:
        time += rng.choice([1, 2, 500, 3600, 20000, rng.randint(1, 16000)])
        out.append([time, "+", 0, rng.choice(RHYTHMS)])
    out.sort(key=lambda a: a[0])
    return [a for i, a in enumerate(out) if i == 0 or a[0] > out[i - 1][0]]


def main():
    rng = random.Random(1)
    records = []
    for _ in range(5):
        beats, time = [], rng.randint(1, 400)
        while time < SAMPLES - 400:
            beats.append(time)
            time += rng.choice([250, 280, 300, 330, 150, 400, 290])
        records.append({"reference": one_side(rng, beats, False), "test": one_side(rng, beats, True)})
    for record in records[-2:]:
        # One without fibrillation in the reference, one without any in the test.
        side = "reference" if record is records[-2] else "test"
        record[side] = [a for a in record[side] if a[1] != "+"]
    golden = {"rate": 360, "samples": SAMPLES, "records": records}
    with tempfile.TemporaryDirectory() as folder:
        for start in (0, 300):
            files = {"bxb": f"bxb{start}", "af": f"af{start}", "vf": f"vf{start}"}
            for i, record in enumerate(records):
                name = str(100 + i)
                for extension, side in (("atr", "reference"), ("tst", "test")):
                    with open(os.path.join(folder, f"{name}.{extension}"), "wb") as file:
                        file.write(encoded(record[side]))
                with open(os.path.join(folder, f"{name}.hea"), "w") as file:
                    file.write(f"{name} 1 360 {SAMPLES}\n{name}.dat 212 200 11 1024 0 0 0 MLII\n")
                common = ["-r", name, "-a", "atr", "tst", "-f", f"{start}:0" if start == 0 else "5:0"]
                subprocess.run(["bxb", *common, "-L", files["bxb"], os.devnull], cwd=folder, check=True)
                subprocess.run(["epicmp", *common, "-L", "-A", files["af"], "-V", files["vf"]], cwd=folder, check=True)
            for key, file in files.items():
                said = subprocess.run(["sumstats", file], cwd=folder, check=True, capture_output=True, text=True)
                golden[f"{key}_from_{start}"] = said.stdout.splitlines()
    path = os.path.join(os.path.dirname(__file__), "golden.json")
    with open(path, "w") as file:
        text = json.dumps(golden, separators=(",", ":"))
        file.write(text.replace("]],", "]],\n").replace('],"', '],\n"') + "\n")


if __name__ == "__main__":
    main()
