#!/usr/bin/env python3
"""Makes a small file of GE MUSE XML here, made.xml, and golden.json: the samples that were put into it, and the limb leads computed.

    python3 tests/golden/muse/make.py                from the repository root; needs numpy

Each lead has its number of samples, and the sum and the weighted sum (index from 1) modulo 2^64 of the bit patterns of the
physical values in uV as float32.
"""

import base64
import json
import os
import zlib

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
STORED = ["I", "II", "V1", "V2", "V3", "V4", "V5", "V6"]
SCALE = 4.88


def lead(name, samples):
    data = samples.astype("<i2").tobytes()
    return f"""<LeadData>
<LeadByteCountTotal>{len(data)}</LeadByteCountTotal><LeadTimeOffset>0</LeadTimeOffset>
<LeadSampleCountTotal>{len(samples)}</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>{SCALE}</LeadAmplitudeUnitsPerBit>
<LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadHighLimit>32767</LeadHighLimit><LeadLowLimit>-32768</LeadLowLimit>
<LeadID>{name}</LeadID><LeadOffsetFirstSample>0</LeadOffsetFirstSample><FirstSampleBaseline>0</FirstSampleBaseline>
<LeadSampleSize>2</LeadSampleSize><LeadOff>FALSE</LeadOff><BaselineSway>FALSE</BaselineSway>
<LeadDataCRC32>{zlib.crc32(data)}</LeadDataCRC32>
<WaveFormData>{base64.encodebytes(data).decode()}</WaveFormData></LeadData>
"""


def waveform(kind, leads):
    return f"""<Waveform><WaveformType>{kind}</WaveformType><WaveformStartTime>0</WaveformStartTime>
<NumberofLeads>{len(leads)}</NumberofLeads><SampleType>CONTINUOUS_SAMPLES</SampleType><SampleBase>500</SampleBase>
<SampleExponent>0</SampleExponent>
{"".join(lead(name, samples) for name, samples in leads.items())}</Waveform>
"""


def sums(values):
    v = np.asarray(values).astype(np.float32).view(np.uint32).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


if __name__ == "__main__":
    rng = np.random.default_rng(11)
    t = np.arange(400)
    rhythm = {n: np.rint(300 * np.sin(t / 40 + i) ** 9).astype(int) + rng.integers(-5, 6, t.size) for i, n in enumerate(STORED)}
    rhythm["V6"][:2] = [32767, -32768]
    median = {n: rhythm[n][100:150] for n in STORED}
    text = f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE RestingECG SYSTEM "restecg.dtd">
<RestingECG><MuseInfo><MuseVersion>8.0.2.10132</MuseVersion></MuseInfo>
<PatientDemographics><PatientID>7</PatientID><PatientAge>59</PatientAge><AgeUnits>YEARS</AgeUnits>
<DateofBirth>02-29-1964</DateofBirth><Gender>FEMALE</Gender><PatientLastName>M\u00fcller</PatientLastName></PatientDemographics>
<TestDemographics><DataType>RESTING</DataType><AcquisitionTime>23:59:58</AcquisitionTime>
<AcquisitionDate>02-28-2024</AcquisitionDate></TestDemographics>
<Diagnosis><Modality>RESTING</Modality><DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>Sinus rhythm</StmtText>
</DiagnosisStatement><DiagnosisStatement><StmtText>Normal</StmtText></DiagnosisStatement><DiagnosisStatement>
<StmtFlag>ENDSLINE</StmtFlag><StmtText>ECG</StmtText></DiagnosisStatement></Diagnosis>
{waveform("Median", median)}{waveform("Rhythm", rhythm)}</RestingECG>
"""
    with open(os.path.join(HERE, "made.xml"), "wb") as f:
        f.write(text.encode("iso-8859-1"))
    i, ii = rhythm["I"], rhythm["II"]
    values = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2}
    values.update({n: rhythm[n] for n in STORED[2:]})
    leads = [{"name": n, "units": "uV", "rate": 500, "count": len(v), "sums": sums(v * SCALE), "head": list(v[:3] * SCALE)}
             for n, v in values.items()]
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump({"here": {"made.xml": {"leads": leads}}}, f, indent=None, separators=(",", ":"))
        f.write("\n")
