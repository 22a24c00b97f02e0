"""The table of a folder that benches/gpu/run filled: records a second, the engine's defaults, tuned, and the peers.

    python3 benches/gpu/table.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def engine(folder: Path) -> dict:
    """Records a second by (network, precision, batch) and kind."""
    rows: dict = {}
    for path in sorted(folder.glob("*-default.json")) + sorted(folder.glob("*-tuned.json")):
        name, kind = path.stem.rsplit("-", 1)
        network, precision = name.rsplit("-", 1)
        for row in json.loads(path.read_text())["rows"]:
            rows.setdefault((network, precision, row["batch"]), {})[kind] = row["records_a_second"]
    return rows


def peers(folder: Path, rows: dict) -> None:
    """Adds PyTorch's, where it ran."""
    path = folder / "peers.json"
    for row in json.loads(path.read_text())["rows"] if path.exists() else []:
        if row["seconds"]:
            key = (row["network"], row["precision"], row["batch"])
            rows.setdefault(key, {})[row["kind"]] = row["batch"] / row["seconds"]


def main() -> None:
    folder = Path(sys.argv[1])
    rows = engine(folder)
    if not rows:
        sys.exit(f"{folder}: no measurements; run benches/gpu/run first")
    peers(folder, rows)
    kinds = [k for k in ("default", "tuned", "eager", "compile", "graph") if any(k in row for row in rows.values())]
    print("Records a second.\n")
    print("| network | precision | batch | " + " | ".join(kinds) + " |")
    print("| --- | --- | ---: |" + " ---: |" * len(kinds))
    for (network, precision, batch), row in sorted(rows.items()):
        cells = [f"{row[k]:.0f}" if k in row else "-" for k in kinds]
        print(f"| {network} | {precision} | {batch} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
