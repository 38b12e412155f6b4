"""The page of growth curves: every kernel has figures or a reason, and the files can be read."""

import json
from pathlib import Path

from benchmarks.scale.curve import Measured
from benchmarks.scale.run import page, save

RESULTS = {
    "cells": {
        "ipyrust": Measured([100, 1000], [400.0, 420.0]),
        "ipykernel": Measured([100, 1000], reason="kernel died, signal 9"),
    },
    "idle": {"ipyrust": Measured([1, 100], [0.0, 3.0])},
}


def test_growth_or_a_reason_stands_in_every_line() -> None:
    lines = page(RESULTS, {"ipyrust": "1"}).splitlines()
    assert "| ipyrust | 400.0 | 420.0 | 1.05 × |" in lines
    assert "| ipykernel | kernel died, signal 9 |" in lines
    assert "| ipyrust | 0.0 | 3.0 | no processor time that could be seen |" in lines


def test_saved_results_hold_every_figure_and_a_plot_of_each_curve(tmp_path: Path) -> None:
    save(RESULTS, {"ipyrust": "1"}, tmp_path)
    curves = json.loads((tmp_path / "scale.json").read_text())["curves"]
    assert curves["cells"]["ipyrust"]["figures"] == [400.0, 420.0]
    assert curves["cells"]["ipykernel"]["reason"] == "kernel died, signal 9"
    for name in RESULTS:
        assert "<svg" in (tmp_path / f"scale-{name}.svg").read_text()
