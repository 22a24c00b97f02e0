"""Fits the score of the P-wave finder (model/ecg/src/p_waves.rs) to candidates marked in LUDB.

    cargo run --release -p efficientecg-tests --example p_wave_candidates > candidates.csv
    python -m efficientecg_train.experiments.p_waves candidates.csv

A logistic regression with a small ridge on standardised features, by Newton's method, on LUDB's records of numbers 1, 5, 9, …
and on MIT-BIH's fibrillation and flutter, where nothing is a P wave. Lead II counts whole, LUDB's other leads half, MIT-BIH's
many candidates a tenth. Prints the offset and the weights for the features as they are, and how well the likeliest candidate of
each beat in lead II does by weights fitted to the other records.
"""

import argparse
import csv

import numpy as np

RIDGE = 1.0
PRESENT = 0.5
OTHER_LEADS = 0.5
MITBIH = 0.1


def fit(x, y, share):
    """The offset, then the weights."""
    mean, spread = x.mean(0), x.std(0) + 1e-9
    z = np.c_[np.ones(len(x)), (x - mean) / spread]
    w = np.zeros(z.shape[1])
    ridge = np.r_[1e-6, np.full(len(w) - 1, RIDGE)]
    for _ in range(30):
        p = 1 / (1 + np.exp(-z @ w))
        slope = z.T @ (share * (p - y)) + ridge * w
        curve = (z * (share * p * (1 - p))[:, None]).T @ z + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        w -= step
        if np.abs(step).max() < 1e-9:
            break
    return np.r_[w[0] - (w[1:] * mean / spread).sum(), w[1:] / spread]


def counts(w, beats, x, y):
    """P waves found, missed and extra: of each beat the likeliest candidate, if it is likely enough."""
    p = 1 / (1 + np.exp(-(w[0] + x @ w[1:])))
    found = extra = 0
    for beat in np.unique(beats):
        of = np.flatnonzero(beats == beat)
        best = of[p[of].argmax()]
        if p[best] >= PRESENT:
            found += y[best]
            extra += 1 - y[best]
    return np.array([found, y.sum() - found, extra])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("candidates")
    with open(parser.parse_args().candidates, newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name.startswith("f")]
    record, beat, y = (np.array([int(row[key]) for row in rows]) for key in ("record", "beat", "p"))
    source = np.array([row["source"] for row in rows])
    x = np.array([[float(row[name]) for name in names] for row in rows])
    mitbih = source == "mitbih"
    share = np.where(mitbih, MITBIH, np.where(source == "ii", 1.0, OTHER_LEADS))
    ludb = ~mitbih & (record % 4 == 1)
    ours = ludb | mitbih
    w = fit(x[ours], y[ours], share[ours])
    print(f"OFFSET {w[0]:.3f}")
    print("WEIGHTS [" + ", ".join(f"{v:.3f}" for v in w[1:]) + "]")
    total = np.zeros(3, int)
    for left in np.unique(record[ludb]):
        rest, own = ours & (mitbih | (record != left)), (source == "ii") & (record == left)
        total += counts(fit(x[rest], y[rest], share[rest]), beat[own], x[own], y[own])
    found, missed, extra = total
    print(f"left out one by one: sensitivity {found / (found + missed):.4f}, PPV {found / (found + extra):.4f}")


if __name__ == "__main__":
    main()
