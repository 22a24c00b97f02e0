"""Holds the logits and probabilities that a program printed against those expected: finite first, then every number.

    compare.py EXPECTED FOUND NAME
"""

import math
import sys

TOLERANCE = 2e-5


def numbers(path):
    """The classes, and their logits and probabilities, line by line."""
    with open(path, encoding="utf-8") as file:
        words = [line.rsplit(" ", 2) for line in file]
    return [name for name, _, _ in words], [float(x) for _, logit, p in words for x in (logit, p)]


def main():
    (names, want), (same, got) = numbers(sys.argv[1]), numbers(sys.argv[2])
    if not want or names != same:
        sys.exit(f"{sys.argv[3]}: other classes, or none")
    if not all(map(math.isfinite, want + got)):
        sys.exit(f"{sys.argv[3]}: a number that is not finite")
    worst = max(abs(g - w) / max(1, abs(w)) for g, w in zip(got, want, strict=True))
    if worst > TOLERANCE:
        sys.exit(f"{sys.argv[3]}: an error of {worst:.2e}, above {TOLERANCE:.0e}")
    print(f"{sys.argv[3]}: {len(want)} numbers as the reference in f64 has them, within {worst:.1e}")


if __name__ == "__main__":
    main()
