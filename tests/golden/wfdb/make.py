#!/usr/bin/env python3
"""Makes golden.json: what PyPI's wfdb reads from the sample records in ../shared/data/formats/wfdb.

    python3 tests/golden/wfdb/make.py [FOLDER]        from the repository root; needs wfdb (4.3.1) and numpy

Every sample counts: each signal has its number of samples, the sum and the weighted sum (index from 1) of all digital
values modulo 2^64, and the same over the bit patterns of the physical values as float32 (NaN as 0x7fc00000). A few
samples from both ends stand there for people. Samples that do not exist (skew) have the format's missing value.
"""
import json
import os
import sys

import numpy as np
import wfdb

RECORDS = ["100", "100_3chan", "100skew", "03700181", "a103l", "a103l-no-len", "binformats", "s0010_re", "flacformats", "flac_3_constant", "mixedsignals",
           "multi-segment/fixed1/v102s", "multi-segment/s25047/s25047-2704-05-04-10-44",
           "multi-segment/s25047/s25047-2704-05-04-10-44n", "multi-segment/s25047/3234460_0017"]
ANNOTATIONS = [("100", "atr")]


def sums(values):
    """Sum and index-weighted sum modulo 2^64 of integers that fit in 64 bits."""
    v = np.asarray(values).astype(np.int64).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def bits(physical):
    x = np.asarray(physical, np.float64).astype(np.float32)
    b = x.view(np.uint32).copy()
    b[np.isnan(x)] = 0x7FC00000
    return b


def digital(path, physical, i):
    """Digital samples of signal i. wfdb 4.3.1 trips over format 61's byte order, so that is computed back."""
    try:
        return wfdb.rdrecord(path, smooth_frames=False, physical=False, channels=[i]).e_d_signal[0]
    except ValueError:
        d = np.rint(physical.e_p_signal[i] * physical.adc_gain[i] + physical.baseline[i])
        return np.where(np.isnan(d), -32768, d)


def record(path):
    p = wfdb.rdrecord(path, smooth_frames=False)
    out = {"sample_rate": p.fs, "frames": p.sig_len, "signals": []}
    multi = not hasattr(p, "e_p_signal") or p.e_p_signal is None
    head = wfdb.rdheader(path)
    single = not isinstance(head, wfdb.MultiRecord)
    physical = list(p.p_signal.T) if multi else p.e_p_signal
    for i, x in enumerate(physical):
        s = {"name": p.sig_name[i], "units": p.units[i], "count": len(x), "missing": int(np.isnan(x).sum()),
             "physical": sums(bits(x)), "physical_head": [None if np.isnan(v) else float(v) for v in x[:3]]}
        if single:
            d = digital(path, p, i)
            s |= {"digital": sums(d), "digital_head": [int(v) for v in d[:4]], "digital_tail": [int(v) for v in d[-4:]]}
        out["signals"].append(s)
    return out


def annotation(path, ext):
    a = wfdb.rdann(path, ext)
    return {"count": len(a.sample), "time": sums(a.sample), "symbols": {c: a.symbol.count(c) for c in sorted(set(a.symbol))},
            "subtype": sums(a.subtype), "channel": sums(a.chan), "num": sums(a.num),
            "text": [t.rstrip("\0") for t in a.aux_note if t]}


def lines(golden):
    """JSON with one line a signal, so that changes can be read."""
    out = ['{"records": {']
    for i, (name, r) in enumerate(golden["records"].items()):
        head = {k: v for k, v in r.items() if k != "signals"}
        out.append((", " if i else "") + json.dumps(name) + ": " + json.dumps(head)[:-1] + ', "signals": [')
        out.append(",\n".join(" " + json.dumps(s) for s in r["signals"]) + "]}")
    return "\n".join(out) + '}, "annotations":\n' + json.dumps(golden["annotations"]) + "}\n"


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/wfdb"
    golden = {"records": {r: record(os.path.join(folder, r)) for r in RECORDS},
              "annotations": {f"{r}.{e}": annotation(os.path.join(folder, r), e) for r, e in ANNOTATIONS}}
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.json"), "w") as f:
        f.write(lines(golden))
