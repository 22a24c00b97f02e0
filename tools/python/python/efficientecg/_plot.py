"""A record on ECG paper, by matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import MultipleLocator

from .errors import InputError

if TYPE_CHECKING:
    import matplotlib.axes

    from ._findings import Findings

# Millimetres of paper for a second and for a millivolt.
SECOND, MILLIVOLT = 25.0, 10.0
# Millivolts from lead to lead.
APART = 3.0
COLORS = {"N": "#444444", "S": "#1f5fbf", "V": "#b00020", "F": "#8a5a00", "Q": "#6a3d9a", "-": "#888888"}
MOST = 60.0  # s


def draw(
    findings: Findings, start: float, seconds: float, leads: list[str] | None, ax: Any
) -> matplotlib.axes.Axes:
    record = findings.record
    if not 0 < seconds <= MOST:
        raise InputError(f"seconds: expected above 0 to {MOST:g}, found {seconds:g}; draw a longer record part by part")
    if not 0 <= start < max(record.seconds, 1e-9):
        raise InputError(f"start: expected a time within the record's {record.seconds:g} s, found {start:g}; correct it")
    names = record.leads[:12] if leads is None else leads
    height = APART * len(names) + 1
    if ax is None:
        size = (seconds * SECOND / 25.4 + 1, height * MILLIVOLT / 25.4 + 0.8)
        _, ax = plt.subplots(figsize=size, layout="constrained")
    for axis in (ax.xaxis, ax.yaxis):
        large = 0.2 if axis is ax.xaxis else 0.5
        axis.set_major_locator(MultipleLocator(large))
        axis.set_minor_locator(MultipleLocator(large / 5))
    ax.grid(which="minor", color="#f6d5d5", linewidth=0.4)
    ax.grid(which="major", color="#eaa9a9", linewidth=0.8)
    for row, name in enumerate(names):
        if name not in record.leads:
            raise InputError(f"leads: expected some of {', '.join(record.leads)}, found {name}; correct it")
        lead = record.leads.index(name)
        _, unit, rate, scale = record._native.leads[lead]
        first = int(start * rate)
        part = record.signal(lead)[first : int((start + seconds) * rate) + 1].astype(np.float64)
        known = part[np.isfinite(part)]
        middle = np.median(known) if len(known) else 0.0
        # What is no voltage is drawn by its own size, and says so.
        if scale is None:
            scale = 1.0 / max(np.ptp(known) if len(known) else 1.0, 1e-9)
            name += f", {unit or 'no unit'}: not to scale"
        base = -APART * row
        ax.plot((first + np.arange(len(part))) / rate, base + scale * (part - middle), color="black", linewidth=0.7)
        ax.text(start, base + 1.0, f" {name}", fontsize=9, weight="bold", clip_on=True)
    if findings.unit == "beat":
        inside = (findings.seconds >= start) & (findings.seconds < start + seconds)
        for place in np.flatnonzero(inside):
            label = findings.labels[place]
            ax.text(
                findings.seconds[place], 1.9, label, color=COLORS.get(label, "black"), ha="center", fontsize=9, clip_on=True
            )
    for gap in findings.not_assessed:
        ax.axvspan(gap.onset, gap.end, color="#999999", alpha=0.3, linewidth=0)
    ax.set_xlim(start, start + seconds)
    ax.set_ylim(-APART * (len(names) - 1) - 2, 2.5)
    ax.tick_params(which="both", labelleft=False, labelbottom=False, length=0)
    whole = f": {findings.labels[0]}" if findings.unit == "record" and findings.labels else ""
    title = f"{record.name}, {findings.model_name}{whole}. 25 mm/s, 10 mm/mV. Research only, not for diagnosis."
    ax.set_title(title, fontsize=8, loc="left")
    made: matplotlib.axes.Axes = ax
    return made
