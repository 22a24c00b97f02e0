#!/usr/bin/env python3
"""Makes the first inputs of every fuzz target again, under corpus/: python3 tests/fuzz/seeds.py [FOLDER]

They come from the golden networks, the demo record and, where FOLDER (../shared/data/formats/wfdb) is there, the headers
of PhysioNet's records in it and the start of 100.atr. Other files in corpus/ are finds: they stay.
"""
import base64
import io
import os
import re
import struct
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "../..")
WFDB = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "../shared/data/formats/wfdb")


def keep(target, name, data):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(data)


def read(*path):
    with open(os.path.join(*path), "rb") as f:
        return f.read()


def npy(descr, shape, data, fortran=False, version=1):
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + size + text.encode() + data


ARRAYS = {
    "f4": npy("<f4", (2, 3), struct.pack("<6f", 0, 1, -1.5, 1e30, float("nan"), float("inf"))),
    "f2": npy("<f2", (2, 2), bytes([0, 60, 255, 3, 0, 124, 1, 126]), fortran=True),
    "f8": npy(">f8", (1,), struct.pack(">d", 1e300)),
    "i8": npy("<i8", (), struct.pack("<q", -1)),
    "i2": npy(">i2", (2, 1, 2), struct.pack(">4h", -1, 2, 3, -32768), fortran=True, version=2),
    "u1": npy("|u1", (3,), b"{ }", version=3),
    "u8": npy("<u8", (1,), struct.pack("<Q", 2**64 - 1)),
    "empty": npy("<f4", (0, 4), b""),
    "fields": npy([("a", "<f4")], (1,), bytes(4)),
}
for name, data in ARRAYS.items():
    keep("npy", name, data)

keep("packed", "intact", b"\0")
keep("packed", "changed", b"\0" + struct.pack("<HB", 12, 7) + struct.pack("<HB", 900, 255))
keep("packed", "header", b"\1" + struct.pack("<QQ", 16, 0) + bytes(100))

networks = os.path.join(ROOT, "tests/golden/networks")
configs = []
for i in [4, 9, 20]:
    with zipfile.ZipFile(os.path.join(networks, f"random-{i:02}.npz")) as z:
        raw = z.read("config.npy")
    configs.append(raw[raw.index(b"\n") + 1:])
    keep("config", f"random-{i:02}.json", configs[-1])

for name, packing in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as z:
        for array in ["f4", "i8", "u1"]:
            z.writestr(f"{array}.npy", ARRAYS[array])
    keep("npz", name, b"\0" + out.getvalue())
reference = read(networks, "random-20.ref.npz")
keep("npz", "reference", b"\0" + reference)


def member(name, data):
    return bytes([name]) + struct.pack("<H", len(data)) + data


small = b"""{"format": "efficientecg/1", "name": "s", "leads": ["a"], "sample_rate": 100, "samples": 4, "normalize": "none",
"task": "multiclass", "classes": ["n", "v"], "bn_eps": 1e-3, "se_ratio": 0.25, "stem": {"channels": 4, "kernel": 3, "stride": 1},
"stages": [{"expand": 1, "kernel": 3, "stride": 1, "channels": 4, "repeats": 1}], "head_channels": 8, "fusion": {"dim": 2, "heads": 1,
"features": [{"name": "age", "kind": "continuous", "offset": 0.0, "scale": 1.0}, {"name": "rhythm", "kind": "sequence", "inputs": 1, "hidden": 2}]}}"""
keep("config", "small.json", small)
keep("npz", "forged", b"\1" + b"".join([
    member(0, npy("|u1", (len(small),), small)),
    member(1, npy("<f4", (2, 1, 4), struct.pack("<8f", *range(8)))),
    member(2, npy("<f8", (2,), struct.pack("<2d", 60, float("nan")))),
    member(3, npy("<f4", (2, 1, 1), bytes(8))),
    member(4, npy("<i4", (2,), struct.pack("<2i", 0, 1))),
]))

demo = os.path.join(ROOT, "tools/demo")
keep("header", "demo.hea", read(demo, "demo.hea"))
keep("header", "plain.hea", b"x 2 100/200(3) 10 12:00:00 1/1/2000\nx.dat 16 200(-5)/uV 12 0 0 0 0 I\nx.dat 16 200 12 0 0 0 0 II\n# age: 60 sex: F\n")
keep("header", "formats.hea", b"x 3 100\nx.dat 212x2:1+24 1e3/mV 12 4 0 0 0 I\nx.dat 212 0 12\nx.dat 212x3:4+24\n")
keep("header", "matlab.hea", b"x 2 500 8\nx.mat 16+24 1000/mV 16 0 3 5 0 I\nx.mat 16+24 1000/mV 16 0 3 5 0 II\n")
keep("header", "fixed.hea", b"x/2 2 250 16\na 8\na 8\n")
keep("header", "variable.hea", b"x/4 1 250 20\nb 0\nb 8\n~ 4\na 8\n")
if os.path.isdir(WFDB):
    for name in ["100_3chan", "100skew", "03700181", "a103l-no-len", "binformats", "s0010_re"]:
        keep("header", name + ".hea", read(WFDB, name + ".hea")[:1500])
    segments = os.path.join(WFDB, "multi-segment")
    keep("header", "v102s.hea", read(segments, "fixed1/v102s.hea"))
    keep("header", "s25047.hea", read(segments, "s25047/s25047-2704-05-04-10-44.hea")[:1500])
    keep("annotations", "100.atr", read(WFDB, "100.atr")[:600])

sets = read(ROOT, "tests/golden/aecg/sets.xml")
# With as few samples as a fuzzer likes.
keep("aecg", "sets.xml", re.sub(rb"<digits>((?:\S+\s+){7})[^<]*", rb"<digits>\1", sets))
relative = sets.replace(b"TIME_ABSOLUTE", b"TIME_RELATIVE").replace(b"GLIST_TS", b"GLIST_PQ")
relative = re.sub(rb'<head value="[^"]*"', b'<head value="0.5" unit="s"', relative)
keep("aecg", "relative.xml", re.sub(rb"<digits>((?:\S+\s+){3})[^<]*", rb"<digits>\1", relative))
keep("aecg", "times.xml", b"""<AnnotatedECG><component><series><component><sequenceSet><component><sequence><code code="TIME_RELATIVE"/>
<value><origin value="0" unit="s"/><scale value="2" unit="ms"/><digits>0 1 2</digits></value></sequence></component><component>
<sequence><code code="MDC_ECG_LEAD_V1"/><value><digits>1 -2 3.5</digits></value></sequence></component></sequenceSet></component>
</series></component></AnnotatedECG>""")
philips = read(ROOT, "tests/golden/philips/made.xml")
keep("philips", "made.xml", philips)
text = philips.decode("utf-16")
packed = text[text.index("<parsedwaveforms"):text.index("</parsedwaveforms>")]
packed = base64.b64decode(packed[packed.index(">") + 1:])
# The way it is packed, leads, milliseconds; then samples.
keep("philips", "packed", bytes([0x80, 12, 255]) + packed)
keep("philips", "one", bytes([0x80, 1, 0]) + packed[:8 + int.from_bytes(packed[:4], "little")])
keep("philips", "plain", bytes([0x70, 12, 20]) + packed[:480])
keep("philips", "old.xml", text.replace("compression=", "compressmethod=").replace("leadlabels", "x")[:2400].encode())
muse = read(ROOT, "tests/golden/muse/made.xml")
muse = re.sub(rb"(<WaveFormData>\S{16})[^<]*", rb"\1", muse)
muse = re.sub(rb"<Lead(SampleCountTotal|ByteCountTotal|DataCRC32)>\d+</Lead\1>", b"", muse)
keep("muse", "made.xml", muse)
keep("muse", "short.xml", muse[:1200])
keep("muse", "wide.xml", muse[:2500].decode("iso-8859-1").encode("utf-16"))

signal = read(demo, "demo.dat")
for i in range(12):
    # Format, signals, frames (given, or by the file's size), offset; then samples in a frame, skew, initial value each.
    keep("signals", f"format-{i:02}", bytes([i, 1, 102, 20, 1, 0, 0, 9, 1, 2, 8]) + signal[600 * i:600 * i + 160])
    keep("signals", f"sized-{i:02}", bytes([i, 0, 0, 0, 0, 0, 0]) + signal[600 * i + 160:600 * i + 240])
keep("annotations", "demo.atr", read(demo, "demo.atr"))
keep("annotations", "fields", bytes([
    5, 4, 0, 236, 1, 0, 109, 17, 0, 20, 255, 247, 1, 248, 2, 240, 3, 252, 97, 98, 99, 0, 255, 35, 0, 0]))
note = b"## time resolution: 360"
keep("annotations", "resolution", bytes([0, 22 << 2, len(note), 63 << 2]) + note + b"\0" + bytes([9, 4, 0, 0]))
for i, kind in enumerate([30, 30, 20, 50, 40, 30]):
    head = struct.pack("<5I", kind, 2, 16, 0, 4) + b"val\0"
    keep("matlab", f"type-{i}", bytes([i, 1, 115, 0, 6, 0, 0, 0, 0, 0, 0]) + head + signal[:128])

edf = os.path.join(ROOT, "tests/golden/edf")
for name in ["plus.edf", "plus.bdf", "gaps.edf"]:
    keep("edf", name, read(edf, name)[:2600])
plain = read(edf, "gaps.edf")
# Data records without number, and plain EDF.
keep("edf", "open.edf", plain[:236] + b"-1      " + plain[244:])
keep("edf", "plain.edf", plain[:192] + b" " * 44 + plain[236:])
for i, text in enumerate([
    "time,II,V1\n0,0.5,1.25\n0.01,,2\n0.02,-1e-3,NaN\n",
    "# Age: 63\n# Sex: F\n,II [uV],V1 (mV)\n0,.5,1\n1,NA,\n",
    "0;0,5;1,25\n0,01;;2\n0,02;-0,001;nan\n",
    "Time (ms)\tII\tResp\nms\tmV\t%\n0\t1\t2\n10\t1,5\t2\n",
    "'Elapsed time','II','V1'\n'seconds','mV','mV'\n0,0.5,1.25\n0.004,1,2\n",
    '"a ""b""","c\nd"\r\n1,2\r\n3,4\r\n',
]):
    keep("csv", f"table-{i}", bytes([i]) + text.encode())

HEADER = b"x 2 100 4\nx.dat 16 200 16 0 1 0 0 II\nx.dat 16 200 16 0 2 0 0 V1\n"
SIGNALS = struct.pack("<8h", 1, 2, 3, -4, 5, 6, -32768, 8)
TABLE = b"time,II\n0,1\n0.01,2\n0.02,3\n"
for name, packing in [("stored", zipfile.ZIP_STORED), ("deflated", zipfile.ZIP_DEFLATED)]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", packing) as z:
        for inside, data in [("x.hea", HEADER), ("x.dat", SIGNALS), ("a/t.csv", TABLE), ("notes.txt", b"none\n")]:
            z.writestr(zipfile.ZipInfo(inside), data, packing)
    keep("zip", name, b"\0" + out.getvalue())
keep("zip", "forged", b"\1" + b"".join([member(0, HEADER), member(1, SIGNALS), member(4, TABLE), member(7, HEADER)]))

scp = os.path.join(ROOT, "tests/golden/scp")
for name in ["averaged", "subtracted", "plain"]:
    keep("scp", name + ".scp", read(scp, name + ".scp"))
# Tables of its own: 0 is 7, 10 goes to the second, 11 has three more bits; there 1 is -4, and 01 goes back.
tables = struct.pack("<HH", 2, 3) + b"".join(struct.pack("<BBBhI", *code) for code in [
    (1, 1, 1, 7, 0), (2, 2, 0, 2, 1), (2, 5, 1, 100, 3)])
tables += struct.pack("<H", 2) + struct.pack("<BBBhI", 1, 1, 1, -4, 1) + struct.pack("<BBBhI", 2, 2, 0, 1, 2)
bodies = {2: tables, 3: b"\x01\4" + struct.pack("<IIB", 1, 6, 1),
          6: struct.pack("<HHBBH", 1000, 2000, 1, 0, 2) + bytes([0b01101110, 0b11010111])}
place, pointers, parts = 7 + 16 + 10 * 4, struct.pack("<HII", 0, 56, 7), b""
for section, body in bodies.items():
    part = struct.pack("<HHIBB6x", 0, section, 16 + len(body), 20, 20) + body
    pointers += struct.pack("<HII", section, len(part), place)
    place, parts = place + len(part), parts + part
keep("scp", "tables.scp", struct.pack("<HI", 0, place - 1) + struct.pack("<HHIBB6s", 0, 0, 56, 20, 20, b"SCPECG")
     + pointers + parts)

dicom = os.path.join(ROOT, "tests/golden/dicom")
for name in ["explicit", "implicit", "deflated"]:
    whole = read(dicom, name + ".dcm")
    keep("dicom", name + ".dcm", b"\0" + whole)
    # Its data set alone: the length of what comes before is the first element's.
    end = 144 + struct.unpack("<I", whole[140:144])[0]
    keep("dicom", name + "-set", bytes([{"implicit": 1, "explicit": 2, "deflated": 4}[name]]) + whole[end:])

for name, words in {
    "classify": "classify --weights w.npz a.hea b --beats atr --per beat --lead V1=#2 --age 60 --sex female --output o --format wfdb",
    "run": "run --weights w --input x.npz --output y.npz --backend cpu --precision f16 --threads 2 --batch 4 --json",
    "verify": "verify --weights=w --reference r.npz --level scalar",
    "bench": "bench --weights w --precision f32,bf16 --threads 1,2 --batch 1,8 --samples 720 --runs 3 --profile --trace t",
    "info": "info --weights w --samples 100 --json",
    "synth": "synth --output o --name n --seconds 5 --heart-rate 60 --seed 7",
    "evaluate_beats": "evaluate beats --test aami --test-folder found --from 0 --window 0.15 --escape-beats n --matrices"
                      " --bootstrap 1000 a/100 b --json",
    "evaluate_records": "evaluate records r.csv p.csv --task multiclass --mean N,A,O --common --bootstrap 100",
    "convert": "convert a.csv b.edf --rate 360 --unit uV --leads time,II,V1",
    "help": "help run",
}.items():
    keep("command_line", name, words.replace(" ", "\n").encode())
