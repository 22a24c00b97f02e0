#!/usr/bin/env python3
"""Makes sample DICOM waveforms here, and golden.json: what pydicom reads from them and from the sample files.

    python3 tests/golden/dicom/make.py [FOLDER]        from the repository root; needs pydicom (3.0.2), numpy

FOLDER is ../shared/data/formats/dicom. Each lead has its number of samples, and the sum and the weighted sum (index from 1)
modulo 2^64 of the bit patterns of the samples as float32: pydicom's raw samples, times sensitivity and correction, plus
baseline, in float64. `digital` has the sums of the raw samples modulo 2^64.
"""

import json
import os
import sys

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pydicom.waveforms import multiplex_array

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = {"12-lead": "1.2.840.10008.5.1.4.1.1.9.1.1", "general": "1.2.840.10008.5.1.4.1.1.9.1.2",
           "ambulatory": "1.2.840.10008.5.1.4.1.1.9.1.3"}


def code(value, scheme, meaning):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return [item]


def group(rate, kind, channels, samples, origin):
    """Channels: meaning, unit, sensitivity, correction, baseline. Samples: [time, channel]."""
    out = Dataset()
    out.MultiplexGroupTimeOffset, out.WaveformOriginality = "0", origin
    out.NumberOfWaveformChannels, out.NumberOfWaveformSamples = len(channels), len(samples)
    out.SamplingFrequency = str(rate)
    out.ChannelDefinitionSequence = []
    for meaning, unit, sensitivity, correction, baseline in channels:
        one = Dataset()
        one.ChannelSourceSequence = code("5.6.3-9-1", "SCPECG", meaning)
        one.ChannelSensitivity, one.ChannelSensitivityCorrectionFactor = str(sensitivity), str(correction)
        one.ChannelSensitivityUnitsSequence = code(unit, "UCUM", unit)
        one.ChannelBaseline, one.WaveformBitsStored = str(baseline), samples.dtype.itemsize * 8
        out.ChannelDefinitionSequence.append(one)
    out.WaveformBitsAllocated, out.WaveformSampleInterpretation = samples.dtype.itemsize * 8, kind
    out.WaveformData = samples.tobytes()
    out["WaveformData"].VR = "OB" if samples.dtype.itemsize == 1 else "OW"
    return out


def write(name, syntax, sop, groups):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CLASSES[sop], "1.2.3.4"
    meta.TransferSyntaxUID = syntax
    out = FileDataset(name, {}, file_meta=meta, preamble=b"\0" * 128)
    out.SOPClassUID, out.SOPInstanceUID = CLASSES[sop], "1.2.3.4"
    out.PatientAge, out.PatientSex, out.PatientBirthDate = "063Y", "F", "19390508"
    out.AcquisitionDateTime = "20021122091030.250"
    out.WaveformSequence = groups
    out.save_as(os.path.join(HERE, name), enforce_file_format=True)


def sums(values):
    v = np.asarray(values).astype(np.uint64)
    with np.errstate(over="ignore"):
        return [str(int(v.sum())), str(int((v * np.arange(1, v.size + 1, dtype=np.uint64)).sum()))]


def name(meaning):
    return meaning.removeprefix("Lead ").split(" (")[0]


def read(path):
    """The first group: the rhythm, in all of these files."""
    data = pydicom.dcmread(path)
    described = data.WaveformSequence[0]
    raw = multiplex_array(data, 0, as_raw=True)
    leads = []
    for one, values in zip(described.ChannelDefinitionSequence, raw.T):
        scale = float(one.ChannelSensitivity) * float(one.ChannelSensitivityCorrectionFactor)
        baseline = float(one.get("ChannelBaseline") or 0)
        physical = values.astype(np.float64) * scale + baseline
        leads.append({"name": name(one.ChannelSourceSequence[0].CodeMeaning),
                      "units": one.ChannelSensitivityUnitsSequence[0].CodeValue,
                      "rate": float(described.SamplingFrequency), "count": int(values.size),
                      "head": [float(v) for v in physical[:3]],
                      "physical": sums(physical.astype(np.float32).view(np.uint32)),
                      "scale": scale, "baseline": baseline,
                      "digital": sums(values.astype(np.int64).view(np.uint64))})
    return leads


if __name__ == "__main__":
    folder = sys.argv[1] if len(sys.argv) > 1 else "../shared/data/formats/dicom"
    rng = np.random.default_rng(7)
    leads = [("Lead I (Einthoven)", "uV", 1.25, 1, 0), ("Lead aVR", "mV", 0.00488, 1.01, 0.1),
             ("Lead V1", "uV", 2.5, 0.9, -12.5)]
    rhythm = rng.integers(-3000, 3000, (500, 3)).astype("<i2")
    median = rng.integers(-3000, 3000, (60, 3)).astype("<i2")
    both = [group(500, "SS", leads, rhythm, "ORIGINAL"), group(500, "SS", leads, median, "DERIVED")]
    write("explicit.dcm", ExplicitVRLittleEndian, "12-lead", both)
    wide = rng.integers(0, 65536, (400, 2)).astype("<u2")
    write("implicit.dcm", ImplicitVRLittleEndian, "ambulatory", [group(125.5, "US", leads[:2], wide, "ORIGINAL")])
    narrow = rng.integers(-128, 128, (301, 3)).astype("i1")
    write("deflated.dcm", DeflatedExplicitVRLittleEndian, "general", [group(200, "SB", leads, narrow, "ORIGINAL")])
    golden = {"here": {name: read(os.path.join(HERE, name)) for name in sorted(os.listdir(HERE)) if name.endswith(".dcm")},
              "shared": {name: read(os.path.join(folder, name)) for name in sorted(os.listdir(folder))}}
    with open(os.path.join(HERE, "golden.json"), "w") as f:
        json.dump(golden, f, separators=(",", ":"))
        f.write("\n")
