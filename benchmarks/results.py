"""What a run has found, as values: rounds of figures and reasons, and the JSON made of them."""

from __future__ import annotations

import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.measure import Better, Effort, Row

ATTEMPTS = 2
"""Failures without a single figure after which a kernel is not asked again."""


@dataclass(slots=True)
class Series:
    """One kernel's figures for one row, one a round, and why rounds have none."""

    figures: list[float] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    @property
    def median(self) -> float | None:
        """Median over the rounds that have a figure."""
        return statistics.median(self.figures) if self.figures else None

    @property
    def hopeless(self) -> bool:
        """True when asking again would only cost time."""
        return not self.figures and len(self.reasons) >= ATTEMPTS


@dataclass(slots=True)
class Results:
    """Everything one run has found."""

    versions: dict[str, str]
    """Kernel name → version; the order of the table's columns."""
    rows: Sequence[Row]
    floor_rows: Sequence[Row]
    effort: Effort
    rounds: int
    started: datetime = field(default_factory=lambda: datetime.now().astimezone())
    absent: dict[str, str] = field(default_factory=dict)
    """Kernel name → why it could not be run at all."""
    series: dict[str, dict[str, Series]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Series))
    )
    """Row name → kernel name → series."""
    floors: dict[str, Series] = field(default_factory=lambda: defaultdict(Series))
    machine: dict[str, Any] = field(default_factory=lambda: _machine())

    def medians(self) -> dict[str, dict[str, float]]:
        """Row name → kernel name → median, only where there is one."""
        return {
            row: {name: m for name, one in kernels.items() if (m := one.median) is not None}
            for row, kernels in self.series.items()
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Results:
        """The kernels' part of what `as_json` gave; floors are left out."""
        results = cls(
            versions=saved["versions"],
            rows=[
                Row(row["name"], row["title"], row["unit"], Better(row["better"]))
                for row in saved["rows"]
            ],
            floor_rows=(),
            effort=Effort(**saved["effort"]),
            rounds=saved["rounds"],
            started=datetime.fromisoformat(saved["started"]),
            absent=saved["absent"],
            machine=saved["machine"],
        )
        for row in saved["rows"]:
            for name, one in row["kernels"].items():
                results.series[row["name"]][name] = Series(one["figures"], one["reasons"])
        return results

    def as_json(self) -> dict[str, Any]:
        """A JSON object with every round's figure."""
        return {
            "started": self.started.isoformat(timespec="seconds"),
            "machine": self.machine,
            "versions": self.versions,
            "absent": self.absent,
            "rounds": self.rounds,
            "effort": {name: getattr(self.effort, name) for name in self.effort.__slots__},
            "rows": [_row(row) | {"kernels": _series(self.series[row.name])} for row in self.rows],
            "floors": [_row(row) | _one(self.floors[row.name]) for row in self.floor_rows],
        }


def _machine() -> dict[str, Any]:
    """What the figures depend on; nothing that names the machine."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2] for line in text.splitlines() if "model name" in line)
    return next(names, "").strip()


def _row(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "unit": row.unit,
        "better": row.better.value,
    }


def _series(kernels: Mapping[str, Series]) -> dict[str, Any]:
    return {name: _one(series) for name, series in kernels.items()}


def _one(series: Series) -> dict[str, Any]:
    return {"median": series.median, "figures": series.figures, "reasons": series.reasons}
