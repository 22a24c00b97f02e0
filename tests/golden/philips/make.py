#!/usr/bin/env python3
"""Makes a small file of Philips XML here, made.xml, and golden.json: what sierraecg reads from it and from the samples.

    python3 tests/golden/philips/make.py [FOLDER]    from the repository root; needs sierraecg (0.4.0), defusedxml, numpy

FOLDER is ../shared/data/formats/philips. Each lead has its number of samples, and the sum and the weighted sum (index from 1)
modulo 2^64 of the bit patterns of the physical values in uV as float32. sierraecg leaves samples after the declared duration,
and gives counts: they are cut and scaled here. What is put into made.xml is known before: it is compared with sierraecg's.
"""

import base64
import json
import os
import re
import struct
import sys

import numpy as np
import sierraecg

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = ["I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"]
COUNT = 260


def lzw(data):
    """Codes of 10 bits, the high bits first; 1023 is the end."""
    known = {bytes([b]): b for b in range(256)}
    codes, string = [], b""
    for b in data:
        longer = string + bytes([b])
        if longer in known:
            string = longer
            continue
        codes.append(known[string])
        if len(known) < 1023:
            known[longer] = len(known)
        string = bytes([b])
    bits = "".join(f"{c:010b}" for c in codes + [known[string], 1023])
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))


def xli(samples):
    """A lead: two samples, then second differences against a straight line plus 64; high bytes, low bytes."""
    x = [int(v) for v in samples]
    second = [2 * x[i - 1] - x[i - 2] - x[i] for i in range(2, len(x))]
    stored = x[:2] + [d + 64 for d in second[1:]] + [64]
    packed = struct.pack(f">{len(stored)}h", *stored)
    body = lzw(packed[0::2] + packed[1::2])
    return struct.pack("<ihh", len(body), 1, second[0]) + body


def made():
    rng = np.random.default_rng(7)
    t = np.arange(COUNT + 4)
    leads = {n: np.rint(150 * np.sin(t / 40 + i) ** 9).astype(int) for i, n in enumerate(NAMES)}
    leads = {n: v + rng.integers(-3, 4, v.size) for n, v in leads.items()}
    i, ii = leads["I"], leads["II"]
    iii = ii - i + rng.integers(-1, 2, i.size)
    limbs = {"III": iii, "aVR": -((i + ii) // 2) - 1, "aVL": (i - iii) // 2, "aVF": (ii + iii) // 2 + 2}
    leads.update(limbs)
    differences = {"III": ii - i - iii, "aVR": -limbs["aVR"] - (i + ii) // 2, "aVL": (i - iii) // 2 - limbs["aVL"],
                   "aVF": (ii + iii) // 2 - limbs["aVF"]}
    data = b"".join(xli(differences.get(n, leads[n])) for n in NAMES)
    text = base64.encodebytes(data).decode()
    xml = f"""<?xml version="1.0" encoding="utf-16"?>
<restingecgdata xmlns="http://www3.medical.philips.com">
<documentinfo><documenttype>PhilipsECG</documenttype><documentversion>1.04</documentversion></documentinfo>
<dataacquisition date="2024-02-29" time="23:59:58"><signalcharacteristics>
<samplingrate>500</samplingrate><resolution>5</resolution><acquisitiontype>10-WIRE</acquisitiontype>
<bitspersample>16</bitspersample><signaloffset>0</signaloffset><signalsigned>True</signalsigned>
<numberchannelsallocated>12</numberchannelsallocated><numberchannelsvalid>12</numberchannelsvalid>
</signalcharacteristics></dataacquisition>
<patient><generalpatientdata><name><lastname>M\u00fcller</lastname></name><age><dateofbirth>1964-02-29</dateofbirth></age>
<sex>Female</sex></generalpatientdata></patient>
<interpretations><interpretation><statement><leftstatement>SINUS RHYTHM</leftstatement><rightstatement>V-rate 60-99</rightstatement>
</statement></interpretation></interpretations>
<waveforms><parsedwaveforms dataencoding="Base64" compression="XLI" numberofleads="12" leadlabels="{" ".join(NAMES)}"
durationperchannel="{COUNT * 2}" samplespersecond="500" resolution="2.5" signaloffset="0" signalsigned="True" bitspersample="16">
{text}</parsedwaveforms></waveforms></restingecgdata>
"""
    path = os.path.join(HERE, "made.xml")
    with open(path, "wb") as f:
        f.write(b"\xff\xfe" + xml.encode("utf-16-le"))
    read = sierraecg.read_file(path)
    for lead in read.leads:
        assert np.array_equal(lead.samples, leads[lead.label]), lead.label


def sums(values):
    v = np.asarray(values).astype(np.float32).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def record(path):
    raw = open(path, "rb").read()
    text = raw.decode("utf-16" if raw[:2] == b"\xff\xfe" else "utf-8")
    waveforms = text[text.index("<parsedwaveforms") :]
    resolution = re.search(r'resolution="([\d.]+)"', waveforms[: waveforms.index(">")])
    resolution = resolution or re.search(r"<signalresolution>([\d.]+)<", text)
    leads = []
    for lead in sierraecg.read_file(path).leads:
        count = lead.duration * lead.sampling_freq // 1000
        values = lead.samples[:count].astype(np.float64) * float(resolution[1])
        assert len(values) == count
        leads.append({"name": lead.label, "units": "uV", "rate": lead.sampling_freq, "count": count, "sums": sums(values),
                      "head": list(values[:3])})
    return {"leads": leads}


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/philips"
    made()
    golden = {"here": {"made.xml": record(os.path.join(HERE, "made.xml"))},
              "shared": {n: record(os.path.join(folder, n)) for n in sorted(os.listdir(folder))}}
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, indent=None, separators=(",", ":"))
        f.write("\n")
