#!/usr/bin/env python3
"""Makes sample files of EDF+ and BDF+ here, and golden.json: what pyedflib and MNE read from them and from the sample files.

    python3 tests/golden/edf/make.py [FOLDER]        from the repository root; needs pyedflib (0.1.42), mne (1.13.2), numpy

FOLDER is ../shared/data/formats/edf. Each signal has its number of samples, and the sum and the weighted sum (index from 1)
modulo 2^64 of the bit patterns of the physical values as float32. pyedflib reads no discontinuous files: there the values
are MNE's, which leaves the gaps out.
"""
import datetime
import json
import os
import sys
import warnings

import mne
import numpy as np
import pyedflib

HERE = os.path.dirname(os.path.abspath(__file__))


def wave(n, rate, seed):
    """A signal of whole numbers."""
    t = np.arange(n) / rate
    noise = np.random.default_rng(seed).integers(-40, 41, n)
    return np.rint(900 * np.sin(2 * np.pi * 1.2 * t) ** 21 + 60 * np.sin(2 * np.pi * 0.3 * t)).astype(np.int64) + noise


def continuous(path, wide):
    """By pyedflib: signals of three rates, units and ranges, one upside down; annotations."""
    kind = pyedflib.FILETYPE_BDFPLUS if wide else pyedflib.FILETYPE_EDFPLUS
    most = 2**23 if wide else 2**15
    signals = [("ECG II", "mV", 250, 3.2767, -3.2768), ("V1", "uV", 250, 5000, -5000), ("Resp", "%", 25, -100, 100.5),
               ("aVF", "mV", 125, 8.3, -7.9)]
    with pyedflib.EdfWriter(path, len(signals), kind) as f:
        f.setPatientCode("A7")
        f.setSex(0)
        f.setBirthdate(datetime.date(1951, 5, 2))
        f.setStartdatetime(datetime.datetime(2002, 5, 2, 10, 20, 30))
        f.setSignalHeaders([{"label": name, "dimension": unit, "sample_frequency": rate, "physical_max": high,
                             "physical_min": low, "digital_max": most - 1, "digital_min": -most, "prefilter": "",
                             "transducer": ""} for name, unit, rate, high, low in signals])
        data = [np.ascontiguousarray((wave(4 * s[2], s[2], i) * (200 if wide else 1)).astype(np.int32))
                for i, s in enumerate(signals)]
        f.writeSamples(data, digital=True)
        for onset, duration, text in [(0.5, -1, "N"), (1.25, -1, "V"), (2.0, 0.75, "noise"), (3.1, -1, "QRS")]:
            f.writeAnnotation(onset, duration, text)


def discontinuous(path):
    """By hand: three data records of a second, 2.5 s and nothing between them, two signals and annotations."""
    labels, rates, width = ["ECG", "Pleth", "EDF Annotations"], [100, 40, 30], [16, 80, 8, 8, 8, 8, 8, 80, 8, 32]
    fields = [labels, [""] * 3, ["mV", "NU", ""], ["-5.1", "0", "-1"], ["5.1", "8", "1"], ["-2048", "0", "-32768"],
              ["2047", "4095", "32767"], [""] * 3, [str(r) for r in rates], [""] * 3]
    head = (f"{'0':8}{'X M X X':80}{'Startdate 01-JAN-2020 X X X':80}01.01.2023.59.58{'1024':8}{'EDF+D':44}{'3':8}{'1':8}"
            f"{'3':4}")
    head += "".join(f"{text:{w}}" for w, texts in zip(width, fields) for text in texts)
    body = b""
    for i, begin in enumerate([0, 3.5, 4.5]):
        body += wave(100, 100, i).astype("<i2").tobytes()
        body += (wave(40, 40, 9 + i) % 4096).astype("<i2").tobytes()
        body += f"+{begin:g}\x14\x14\0+{begin + 0.2:g}\x14N\x14\0".encode().ljust(60, b"\0")
    with open(path, "wb") as f:
        f.write(head.encode() + body)


def sums(values):
    v = np.asarray(values).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def bits(values):
    return np.asarray(values, np.float64).astype(np.float32).view(np.uint32)


def record(path):
    with pyedflib.EdfReader(path) as f:
        signals = [{"name": f.getLabel(i), "units": f.getPhysicalDimension(i), "rate": f.getSampleFrequency(i),
                    "count": int(f.getNSamples()[i]), "physical": sums(bits(f.readSignal(i))),
                    "head": [float(v) for v in f.readSignal(i)[:3]]} for i in range(f.signals_in_file)]
        onsets, _, texts = f.readAnnotations()
        return {"start": str(f.getStartdatetime()), "signals": signals,
                "annotations": [[float(onset), text] for onset, text in zip(onsets, texts)][:8], "all": len(onsets)}


def gappy(path):
    """MNE has one rate for all signals: one at a time. It scales voltages to volts, in which the last bit may differ."""
    signals = []
    for name in ["ECG", "Pleth"]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = mne.io.read_raw_edf(path, include=[name], preload=True, verbose="error", units={"ECG": "mV"})
        values = raw.get_data()[0] * (1e3 if name == "ECG" else 1)
        signals.append({"name": name, "rate": raw.info["sfreq"], "values": [float(v) for v in values]})
    return {"signals": signals}


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/edf"
    continuous(os.path.join(HERE, "plus.edf"), False)
    continuous(os.path.join(HERE, "plus.bdf"), True)
    discontinuous(os.path.join(HERE, "gaps.edf"))
    golden = {"here": {name: record(os.path.join(HERE, name)) for name in ["plus.edf", "plus.bdf"]},
              "shared": {name: record(os.path.join(folder, name)) for name in sorted(os.listdir(folder))},
              "gaps": gappy(os.path.join(HERE, "gaps.edf"))}
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, indent=None, separators=(",", ":"))
        f.write("\n")
