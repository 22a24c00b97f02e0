"""Measures the package beside what else Python has, in one run, as ratios. Prints Markdown; `benches/results` keeps pages of it.

    python benches/measure.py records PTBXL --count 1000       from files to classes: onnxruntime + wfdb + scipy
    python benches/measure.py signals MITBIH --minutes 2       peaks, resampling, heart rate variability: wfdb, scipy, NeuroKit2
    python benches/measure.py calls                            what a call of run() costs
    python benches/measure.py archive PTBXL --count 1000       records a second and core, bytes a record, two workers beside one; --ray

PTBXL holds records of PTB-XL (records500), MITBIH those of the MIT-BIH Arrhythmia Database. Each way is timed REPEATS times, whole records 3 times, in turns; the least counts. All ways have one thread, and what counts is the processor's time, so that others on the machine matter
less; of an archive also the time that passes.
Needs onnxruntime, onnx, torch, wfdb, scipy, neurokit2 and pyarrow.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import efficientecg

REPEATS = 9
ROOT = Path(__file__).resolve().parents[3]


def least(ways: dict, repeats: int = REPEATS) -> dict[str, float]:
    """The least of the processor's seconds of each way, taken in turns."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.process_time()
            way()
            best[name] = min(best[name], time.process_time() - start)
    return best


def session(path: str):
    """The network of ptbxl-8lead without features in ONNX Runtime, on one thread."""
    sys.path.insert(0, str(ROOT / "tools/train"))
    import onnxruntime
    import torch
    from efficientecg_train import export

    module = export.load(ROOT / "model/weights/ptbxl-8lead.npz")
    signal = torch.zeros(1, 8, 5000)
    torch.onnx.export(module, (signal,), path, input_names=["signal"], dynamo=False)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def records(args) -> None:
    import scipy.signal
    import wfdb

    paths = [str(path)[:-4] for path in sorted(Path(args.folder).rglob("*.hea"))][: args.count]
    model = efficientecg.Model("ptbxl-8lead", threads=1)
    with tempfile.TemporaryDirectory() as folder:
        runtime = session(os.path.join(folder, "network.onnx"))
    same = np.random.default_rng(1).standard_normal((1, 8, 5000)).astype(np.float32)
    error = np.abs(runtime.run(None, {"signal": same})[0] - model.run(same).logits).max()
    assert error < 1e-3, f"the two networks differ by {error}"
    leads = list(model.leads)

    band = scipy.signal.butter(2, [5, 20], "band", fs=500, output="sos")

    def theirs(beats: bool) -> None:
        """Read, resampled, less the median, through the network; with `beats` those of a lead too. No features, no quality of the signal."""
        for path in paths:
            read = wfdb.rdrecord(path)
            signal = read.p_signal[:, [read.sig_name.index(lead) for lead in leads]].T
            if read.fs != 500:
                signal = scipy.signal.resample_poly(signal, 500, int(read.fs), axis=1)
            signal = np.nan_to_num(signal - np.nanmedian(signal, axis=1, keepdims=True)).astype(np.float32)
            if beats:
                power = scipy.signal.sosfiltfilt(band, signal[1]) ** 2
                scipy.signal.find_peaks(power, height=0.3 * power.max(), distance=125)
            runtime.run(None, {"signal": signal[None]})

    def ours() -> None:
        for path in paths:
            model.classify(path)

    took = least({"ours": ours, "theirs": lambda: theirs(True), "less": lambda: theirs(False)}, 3)
    print(f"{len(paths)} records of 10 s, from files to classes, one thread:\n")
    print("| way | seconds | records a second | ratio |\n| --- | ---: | ---: | ---: |")
    for name, way in (("ours", "efficientecg: beats, features, quality and all"), ("theirs", "wfdb + scipy + ONNX Runtime: read, beats, run"),
                      ("less", "the same without beats")):
        print(f"| {way} | {took[name]:.2f} | {len(paths) / took[name]:.0f} | {took[name] / took['ours']:.2f} |")


def same_filter(up: int, down: int) -> np.ndarray:
    """The filter of `resample`, for `resample_poly`: a sinc under a Kaiser window, 80 dB, a transition of a tenth of the lower Nyquist frequency."""
    beta, stretch = 0.1102 * (80 - 8.7), max(1.0, down / up)
    half = (80 - 8) / (2.285 * np.pi * 0.1 / stretch) / 2
    t = np.arange(-int(half * up), int(half * up) + 1) / up
    window = np.i0(beta * np.sqrt(1 - (t / half) ** 2)) / np.i0(beta)
    return (np.sinc(0.95 / stretch * t) * window * 0.95 / stretch / up).astype(np.float32)


def quality(resample, to: float) -> tuple[float, float]:
    """The largest error of a sine of height 1 up to 0.9 of the lower Nyquist frequency, and in dB what is left of one above it, from 360 Hz."""
    nyquist, t = min(360, to) / 2, np.arange(3600) / 360
    middle = slice(int(2 * to), int(8 * to))
    ideal = np.arange(round(10 * to)) / to
    sines = [(hz, resample(np.sin(2 * np.pi * hz * t + 0.3).astype(np.float32)[None])[0]) for hz in np.linspace(0.02, 0.9, 45) * nyquist]
    wrong = max(np.abs(y - np.sin(2 * np.pi * hz * ideal + 0.3))[middle].max() for hz, y in sines)
    above = [hz for hz in np.linspace(1.0, 2.0, 51) * nyquist if hz < 179]
    left = [np.abs(resample(np.sin(2 * np.pi * hz * t + 0.3).astype(np.float32)[None])[0][middle]).max() for hz in above]
    return wrong, 20 * np.log10(max(left)) if left else float("nan")


def signals(args) -> None:
    import neurokit2
    import scipy.signal
    import wfdb
    import wfdb.processing

    headers = sorted(Path(args.folder).glob("*.hea"))
    assert len(headers) == 48, f"{args.folder}: expected the 48 records of MIT-BIH, found {len(headers)}"
    loaded = []
    for header in headers:
        record = efficientecg.Record.open(header)
        loaded.append((header.with_suffix(""), record.signal(0)[: int(args.minutes * 60 * record.fs)], record.fs))

    def neurokit(method):
        def find(x, fs):
            clean = neurokit2.ecg_clean(x, int(fs), method=method)
            return neurokit2.ecg_peaks(clean, int(fs), method=method)[1]["ECG_R_Peaks"]

        return find

    methods = ("neurokit", "pantompkins1985", "hamilton2002", "elgendi2010")
    detectors = {
        "`efficientecg.find_peaks`": lambda x, fs: efficientecg.find_peaks(x, fs),
        "`wfdb.processing.xqrs_detect`": lambda x, fs: wfdb.processing.xqrs_detect(x.astype(float), fs, verbose=False),
        "`wfdb.processing.gqrs_detect`": lambda x, fs: wfdb.processing.gqrs_detect(x.astype(float), fs, adc_gain=200, adc_zero=0),
        **{f"`neurokit2`: `ecg_clean`, `ecg_peaks`, {method}": neurokit(method) for method in methods},
        "SciPy: band-pass, square, `find_peaks`": lambda x, fs: scipy.signal.find_peaks(
            scipy.signal.sosfiltfilt(scipy.signal.butter(2, [5, 20], "band", fs=fs, output="sos"), x) ** 2,
            height=0.02, distance=int(0.25 * fs))[0],
    }
    print(f"R peaks in the first {args.minutes:g} minutes of 48 records, first lead; EC57's pairs from the start:\n")
    print("| way | seconds | ratio | sensitivity % | PPV % |\n| --- | ---: | ---: | ---: | ---: |")
    base = 0.0
    for name, find in detectors.items():
        start = time.process_time()
        found = [find(x, fs) for _, x, fs in loaded]
        took = time.process_time() - start
        if took < 1:
            again = least({"": lambda find=find: [find(x, fs) for _, x, fs in loaded]}, REPEATS)
            took = min(took, again[""])
        base = base or took
        scores = []
        for (path, x, fs), places in zip(loaded, found):
            truth = wfdb.rdann(str(path), "atr", sampto=len(x))
            scores.append(efficientecg.evaluate.beats(truth, np.sort(np.asarray(places, np.int64)), fs, start=0, end=len(x)))
        gross = sum(scores).gross
        print(f"| {name} | {took:.3f} | {took / base:.1f} | {100 * gross['qrs_sensitivity']:.2f} | {100 * gross['qrs_predictivity']:.2f} |", flush=True)
    x = efficientecg.Record.open(headers[0]).to_array()
    print(f"\nTwo leads of {x.shape[1] / 360 / 60:.0f} minutes from 360 Hz:\n")
    print("| to, Hz | way | taps an output | error up to 0.9 f | left above f, dB | ms | ratio |\n| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    for to, up, down in ((180, 1, 2), (250, 25, 36), (300, 5, 6), (500, 25, 18)):
        taps = same_filter(up, down)
        ways = {
            "`efficientecg.resample`": lambda x, to=to: efficientecg.resample(x, 360, to),
            "`scipy.signal.resample_poly`, its own filter": lambda x, up=up, down=down: scipy.signal.resample_poly(x, up, down, axis=1),
            "`scipy.signal.resample_poly`, our filter": lambda x, up=up, down=down, taps=taps: scipy.signal.resample_poly(
                x, up, down, axis=1, window=taps),
            "`scipy.signal.resample`, Fourier": lambda x, up=up, down=down: scipy.signal.resample(x, x.shape[1] * up // down, axis=1),
            "`wfdb.processing.resample_sig`, Fourier": lambda x, to=to: np.stack(
                [wfdb.processing.resample_sig(row, 360, to)[0] for row in x]),
        }
        counts = [len(taps) / up, (20 * max(up, down) + 1) / up, len(taps) / up, None, None]
        took = least({name: lambda way=way: way(x) for name, way in ways.items()})
        for (name, seconds), count in zip(took.items(), counts):
            wrong, left = quality(ways[name], to)
            print(f"| {to} | {name} | {count and round(count) or ''} | {wrong:.1e} | {'' if np.isnan(left) else f'{left:.0f}'} "
                  f"| {1e3 * seconds:.1f} | {seconds / took['`efficientecg.resample`']:.1f} |", flush=True)
    beats = [efficientecg.find_peaks(efficientecg.Record.open(header).signal(0), 360) for header in headers[:4]]
    took = least({
        "`efficientecg.hrv`": lambda: [efficientecg.hrv(b, 360) for b in beats],
        "NeuroKit2: `hrv_time`": lambda: [neurokit2.hrv_time(b, 360) for b in beats],
        "NeuroKit2: `hrv_time` and `hrv_frequency`": lambda: [
            (neurokit2.hrv_time(b, 360), neurokit2.hrv_frequency(b, 360, psd_method="welch")) for b in beats],
    })
    print("\nHeart rate variability, time domain and bands, of 4 records of 30 minutes:\n\n| way | ms | ratio |\n| --- | ---: | ---: |")
    for name, seconds in took.items():
        print(f"| {name} | {1e3 * seconds:.2f} | {seconds / took['`efficientecg.hrv`']:.0f} |")


def calls(args) -> None:
    del args
    model = efficientecg.Model("mitbih-beats", threads=1)
    one = np.zeros((1, 2, 1), np.float32)
    rows = np.zeros((1, 3, 45), np.float32)
    ways = {
        "a window of one sample": lambda: model.run(one),
        "the same with age, sex and rhythm": lambda: model.run(one, age=60, sex="male", rhythm=rows),
        "without Python's half": lambda: model._native.run(one, {}, []),
    }
    print("| call | microseconds |\n| --- | ---: |")
    for name, seconds in least({name: lambda way=way: [way() for _ in range(2000)] for name, way in ways.items()}, 7).items():
        print(f"| {name} | {1e6 * seconds / 2000:.1f} |")


def archive(args) -> None:
    from efficientecg import archives

    classify = archives.classify_archive
    if args.ray:
        import ray

        import efficientecg.ray

        # Started before, and warm: what counts is the archive.
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        classify = efficientecg.ray.classify_archive
    paths = sorted(map(str, Path(args.folder).rglob("*.hea")))[: args.count]
    size = sum(os.path.getsize(path) + os.path.getsize(path[:-3] + "dat") for path in paths)
    if args.ray:
        with tempfile.TemporaryDirectory() as folder:
            classify(paths[:400], args.model, folder, workers=2, shard=100, progress=False)
    best: dict[int, tuple[float, float]] = {}
    for workers in (1, 2) * args.repeats:
        with tempfile.TemporaryDirectory() as folder:
            start, spent = time.perf_counter(), sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
            made = classify(paths, args.model, folder, workers=workers, shard=args.shard, progress=False)
            took = time.perf_counter() - start
            spent = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - spent
            written = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        best[workers] = min(best.get(workers, (float("inf"), 0.0)), (took, spent))
    print(f"{made.records} records, {made.bad} of them bad, {args.model}, shards of {args.shard}{', Ray' if args.ray else ''}:\n")
    print("| workers | seconds | records a second | ratio | the processor's seconds |\n|" + " ---: |" * 5)
    for workers, (took, spent) in best.items():
        # Ray's workers are no children of this process.
        spent = "" if args.ray else f"{spent:.2f}"
        print(f"| {workers} | {took:.2f} | {made.records / took:.0f} | {best[1][0] / took:.2f} | {spent} |")
    print(f"\n{size / len(paths):.0f} bytes read and {written / len(paths):.0f} written a record.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(required=True)
    for name, run in (("records", records), ("signals", signals), ("calls", calls), ("archive", archive)):
        one = what.add_parser(name)
        one.set_defaults(run=run)
        if name != "calls":
            one.add_argument("folder")
        if name in ("records", "archive"):
            one.add_argument("--count", type=int, default=1000)
        if name == "archive":
            one.add_argument("--model", default="ptbxl-8lead")
            one.add_argument("--shard", type=int, default=100)
            one.add_argument("--repeats", type=int, default=1)
            one.add_argument("--ray", action="store_true", help="on Ray, which has to be installed")
        if name == "signals":
            one.add_argument("--minutes", type=float, default=2)
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
