#!/usr/bin/env python3
"""Makes sample files of SCP-ECG here, and golden.json: what ecgdatakit reads from them and from the sample files.

    python3 tests/golden/scp/make.py [FOLDER]        from the repository root; needs ecgdatakit (2.0.3), numpy

FOLDER is ../shared/data/formats/scp. Each lead has its number of samples, and the sum and the weighted sum (index from 1)
modulo 2^64 of the bit patterns of the samples in mV as float32. ecgdatakit reads no averaged samples (bimodal
compression): there the values are those of `decoded`, which undoes each step of the standard by numpy.
"""

import binascii
import json
import os
import struct
import sys
from pathlib import Path

import numpy as np
from ecgdatakit.parsing.parsers.scp_ecg import SCPECGParser

HERE = os.path.dirname(os.path.abspath(__file__))
CODES = {"I": 1, "V2": 4, "aVF": 64}
LENGTH = 620  # Samples of a lead.
BEAT, FIDUCIAL = 90, 31
QRS = [60, 215, 370, 530]  # Fiducial points, from 1.


def section(number, body):
    rest = struct.pack("<HIBB6s", number, 16 + len(body), 20, 20, b"SCPECG" if number == 0 else b"") + body
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def record(bodies):
    """All sections by number, the pointers first."""
    size, place, pointers = 16 + 10 * (len(bodies) + 1), 7, b""
    for number, length in [(0, size)] + [(n, 16 + len(b)) for n, b in bodies.items()]:
        pointers += struct.pack("<HII", number, length, place)
        place += length
    rest = section(0, pointers) + b"".join(section(n, b) for n, b in bodies.items())
    rest = struct.pack("<I", len(rest) + 6) + rest
    return struct.pack("<H", binascii.crc_hqx(rest, 0xFFFF)) + rest


def field(tag, *values, form):
    body = struct.pack("<" + form, *values)
    return struct.pack("<BH", tag, len(body)) + body


PATIENT = (field(4, 63, 1, form="HB") + field(8, 2, form="B") + field(25, 2002, 11, 22, form="HBB")
           + field(26, 9, 10, 30, form="BBB") + field(255, form=""))


def code(value):
    """A value's bits in the standard's table."""
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("1" if value < 0 else "0")
    if -128 <= value < 128:
        return "1" * 9 + "0" + format(value & 0xFF, "08b")
    return "1" * 10 + format(value & 0xFFFF, "016b")


def packed(values, order, huffman):
    stored = values.astype(np.int64)
    differences = stored.copy()
    if order == 1:
        differences[1:] = stored[1:] - stored[:-1]
    if order == 2:
        differences[2:] = stored[2:] - 2 * stored[1:-1] + stored[:-2]
    if not huffman:
        return differences.astype("<i2").tobytes()
    bits = "".join(code(int(v)) for v in differences)
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def data(step, interval, order, bimodal, leads, huffman):
    parts = [packed(lead, order, huffman) for lead in leads]
    return (struct.pack("<HHBB", step, interval, order, bimodal) + b"".join(struct.pack("<H", len(p)) for p in parts)
            + b"".join(parts))


def signals():
    """Leads of whole numbers: the same beat at each QRS complex, and noise; and the beat."""
    rng = np.random.default_rng(22)
    t = np.arange(BEAT) - FIDUCIAL + 1
    shape = 400 * np.exp(-((t / 4.0) ** 2)) + 60 * np.exp(-(((t - 35) / 9.0) ** 2))
    beats = [np.rint(shape * gain).astype(np.int64) for gain in [1, -2.5, 0.5]]
    leads = []
    for beat in beats:
        lead = rng.integers(-12, 13, LENGTH) + np.rint(30 * np.sin(np.arange(LENGTH) / 40)).astype(np.int64)
        for fiducial in QRS:
            lead[fiducial - FIDUCIAL : fiducial - FIDUCIAL + BEAT] += beat
        leads.append(lead)
    return leads, beats


ZONES = [(f - 20, f + 17 + i) for i, f in enumerate(QRS)]
SUBTRACTED = [(0, f - FIDUCIAL + 1, f, f - FIDUCIAL + BEAT) for f in QRS]


def locations():
    body = struct.pack("<HHH", BEAT * 2, FIDUCIAL, len(QRS))
    body += b"".join(struct.pack("<HIII", *one) for one in SUBTRACTED)
    return body + b"".join(struct.pack("<II", *zone) for zone in ZONES)


def definition(flags):
    return struct.pack("<BB", len(CODES), flags) + b"".join(struct.pack("<IIB", 1, LENGTH, c) for c in CODES.values())


def averaged(lead):
    """Outside of the zones means of four samples, and what is left over."""
    out, at = [], 1
    for first, last in ZONES + [(LENGTH + 1, LENGTH)]:
        part = lead[at - 1 : first - 1]
        fours = len(part) // 4 * 4
        out += list(part[:fours].reshape(-1, 4).sum(axis=1) // 4) + list(part[fours:]) + list(lead[first - 1 : last])
        at = last + 1
    return np.array(out)


def decoded(stored):
    """The means spread: each stands 1.5 samples after its first; between them lines, constant at the ends."""
    out, at, rest = [], 1, list(stored)
    for first, last in ZONES + [(LENGTH + 1, LENGTH)]:
        length = first - at
        means, rest = rest[: length // 4], rest[length // 4 :]
        if means:
            out += list(np.interp(np.arange(4 * len(means)), 4 * np.arange(len(means)) + 2, means))
        plain = length % 4 + last - first + 1
        out, rest, at = out + rest[:plain], rest[plain:], last + 1
    assert not rest and len(out) == LENGTH
    return np.array(out, np.float64)


def sums(values):
    v = np.asarray(values, np.float64).astype(np.float32).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def lead(name, rate, nanovolts):
    values = np.asarray(nanovolts, np.float64) / 1e6
    return {"name": name, "rate": rate, "count": values.size, "head": [float(v) for v in values[:3]],
            "physical": sums(values)}


def read(path):
    leads = SCPECGParser().parse(Path(path)).leads
    # Samples are whole numbers of the resolution, in microvolts.
    return [lead(one.label, one.sampling_rate, np.rint(np.asarray(one.samples) * one.resolution * 1000)) for one in leads]


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/scp"
    leads, beats = signals()
    default = struct.pack("<H", 19999)
    reduced = [one.copy() for one in leads]
    for one, beat in zip(reduced, beats):
        for _, first, _, last in SUBTRACTED:
            one[first - 1 : last] -= beat
    stored = [averaged(one) for one in reduced]
    files = {
        "plain.scp": {1: PATIENT, 3: definition(4), 6: data(4880, 4000, 1, 0, leads, False)},
        "huffman.scp": {1: PATIENT, 2: default, 3: definition(4), 6: data(2500, 2000, 2, 0, leads, True)},
        "subtracted.scp": {1: PATIENT, 2: default, 3: definition(5), 4: locations(),
                           5: data(5000, 2000, 2, 0, beats, True), 6: data(5000, 2000, 2, 0, reduced, True)},
        "averaged.scp": {1: PATIENT, 2: default, 3: definition(5), 4: locations(),
                         5: data(5000, 2000, 2, 0, beats, True), 6: data(2500, 8000, 2, 1, stored, True)},
    }
    for name, bodies in files.items():
        with open(os.path.join(HERE, name), "wb") as f:
            f.write(record(bodies))
    golden = {"here": {name: read(os.path.join(HERE, name)) for name in files if name != "averaged.scp"},
              "shared": {name: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}}
    for (first, second), step in [(("plain.scp", "huffman.scp"), 4880 / 2500), (("subtracted.scp", "huffman.scp"), 2)]:
        for one, other in zip(golden["here"][first], golden["here"][second]):
            assert np.allclose(one["head"], np.multiply(other["head"], step)), "the files hold one signal"
    golden["here"]["averaged.scp"] = []
    for (name, _), one, beat in zip(CODES.items(), stored, beats):
        values = decoded(one) * 2500
        for _, first, _, last in SUBTRACTED:
            values[first - 1 : last] += beat * 5000
        golden["here"]["averaged.scp"].append(lead(name, 500, values))
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")
