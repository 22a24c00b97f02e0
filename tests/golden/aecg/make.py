#!/usr/bin/env python3
"""Makes a small file of HL7 aECG here, sets.xml, and golden.json: what a plain reading in Python finds in it and in the samples.

    python3 tests/golden/aecg/make.py [FOLDER]       from the repository root; needs numpy

FOLDER is ../shared/data/formats/aecg. Each lead has its number of samples, and the sum and the weighted sum (index from 1)
modulo 2^64 of the bit patterns of the physical values as float32. The file's samples are known before it is written: there
golden.json has these, not what is read. Where a lead is missing in time, they are NaN, here null.
"""

import json
import os
import sys
import xml.etree.ElementTree as ET

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NS = "{urn:hl7-org:v3}"


def wave(n, seed):
    """Whole numbers, somewhat like an ECG."""
    t = np.arange(n) / 200
    noise = np.random.default_rng(seed).integers(-9, 10, n)
    return np.rint(200 * np.sin(2 * np.pi * 1.2 * t + seed) ** 21).astype(int) + noise


def sequence(code, value):
    return f'<component><sequence><code code="{code}" codeSystem="2.16.840.1.113883.6.24"/>{value}</sequence></component>'


def times(value):
    return sequence("TIME_ABSOLUTE", value)


def lead(name, digits, origin, scale):
    body = f'<origin value="{origin[0]}" unit="{origin[1]}"/><scale value="{scale[0]}" unit="{scale[1]}"/>'
    text = "\n ".join(" ".join(map(str, digits[i : i + 25])) for i in range(0, len(digits), 25))
    return sequence(f"MDC_ECG_LEAD_{name}", f'<value xsi:type="SLIST_PQ">{body}<digits>{text}</digits></value>')


def beat(kind, low, high):
    bounds = f'<low value="20240229235959.{low}"/><high value="20240229235959.{high}"/>'
    region = (
        '<support><supportingROI classCode="ROIBND"><component><boundary><code code="TIME_ABSOLUTE"/>'
        f'<value xsi:type="IVL_TS">{bounds}</value></boundary></component></supportingROI></support>'
    )
    wave_of = f'<annotation><code code="MDC_ECG_WAVC"/><value code="MDC_ECG_WAVC_QRSWAVE"/>{region}</annotation>'
    return (
        f'<component><annotation><code code="MDC_ECG_BEAT"/><value xsi:type="CE" code="MDC_ECG_BEAT_{kind}"/>'
        f"<component>{wave_of}</component></annotation></component>"
    )


def sets():
    """Two sequence sets, half a second apart and 1 s long each: II in both, V1 in the first and aVL in the second; a derived series."""
    digits = {name: wave(200, i) for i, name in enumerate(["II", "V1", "II again", "AVL"])}
    one = times('<value xsi:type="GLIST_TS"><head value="20240229235959.000"/><increment value="5" unit="ms"/></value>')
    one += lead("II", digits["II"], (0, "uV"), (2.5, "uV")) + lead("V1", digits["V1"], (0.01, "mV"), (4.88, "uV"))
    two = times(
        '<value xsi:type="GLIST_TS"><head value="20240301000000.500+0100"/><increment value="0.005" unit="s"/></value>'
    )
    two += lead("II", digits["II again"], (0, "uV"), (2.5, "uV")) + lead("AVL", digits["AVL"], (-3, "nV"), (1000, "nV"))
    derived = (
        '<derivation><derivedSeries><code code="REPRESENTATIVE_BEAT"/><component><sequenceSet>'
        + lead("II", [1, 2], (0, "uV"), (1, "uV"))
        + "</sequenceSet></component></derivedSeries></derivation>"
    )
    notes = f"<subjectOf><annotationSet>{beat('NORMAL', 100, 200)}{beat('V_P_C', 700, 720)}</annotationSet></subjectOf>"
    person = '<name>M\u00fcller</name><administrativeGenderCode code="F"/><birthTime value="19640229"/>'
    parts = ["timepointEvent", "componentOf", "subjectAssignment", "subject", "trialSubject", "subjectDemographicPerson"]
    subject = "".join(f"<{p}>" for p in parts) + person + "".join(f"</{p}>" for p in reversed(parts))
    text = (
        '<?xml version="1.0" encoding="ISO-8859-1"?>\n<AnnotatedECG xmlns="urn:hl7-org:v3" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" type="Observation"><!-- made by make.py -->\n'
        f"<componentOf>{subject}</componentOf>\n"
        '<component><series><code code="RHYTHM"/><effectiveTime><low value="20240229235959"/></effectiveTime>\n'
        f"<component><sequenceSet>{one}</sequenceSet></component>\n<component><sequenceSet>{two}</sequenceSet></component>\n"
        f"{notes}\n{derived}\n</series></component></AnnotatedECG>\n"
    )
    with open(os.path.join(HERE, "sets.xml"), "wb") as f:
        f.write(text.encode("iso-8859-1"))
    gap, whole = [None] * 100, [None] * 300
    values = {
        "II": list(digits["II"] * 2.5) + gap + list(digits["II again"] * 2.5),
        "V1": list(10 + digits["V1"] * 4.88) + whole,
        "aVL": whole + list(-3 + digits["AVL"] * 1000.0),
    }
    return {name: [v if v is None else float(np.float32(v)) for v in lead] for name, lead in values.items()}


def sums(values):
    v = np.asarray(values).astype(np.float32).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def record(path):
    root = ET.parse(path).getroot()
    leads = []
    series = root.find(f"{NS}component/{NS}series")
    for node in series.findall(f"{NS}component/{NS}sequenceSet/{NS}component/{NS}sequence"):
        code, value = node.find(f"{NS}code").get("code"), node.find(f"{NS}value")
        if code.startswith("TIME"):
            rate = 1 / float(value.find(f"{NS}increment").get("value"))
            continue
        origin, scale = value.find(f"{NS}origin"), value.find(f"{NS}scale")
        assert origin.get("unit") == scale.get("unit")
        digits = np.array(value.find(f"{NS}digits").text.split(), np.float64)
        values = float(origin.get("value")) + float(scale.get("value")) * digits
        name = code.removeprefix("MDC_ECG_LEAD_")
        leads.append({"name": {"AVR": "aVR", "AVL": "aVL", "AVF": "aVF"}.get(name, name), "units": scale.get("unit"),
                      "rate": rate, "count": len(values), "sums": sums(values), "head": list(values[:3])})
    beats = [a for a in series.iter(f"{NS}annotation") if a.find(f"{NS}code").get("code") == "MDC_ECG_BEAT"]
    derived = [a for a in series.findall(f"{NS}derivation//{NS}annotation") if a in beats]
    birth = root.find(f".//{NS}birthTime").get("value")
    return {"leads": leads, "beats": len(beats) - len(derived), "birth": birth}


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/aecg"
    golden = {"sets": sets(), "shared": {n: record(os.path.join(folder, n)) for n in sorted(os.listdir(folder))}}
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, indent=None, separators=(",", ":"))
        f.write("\n")
