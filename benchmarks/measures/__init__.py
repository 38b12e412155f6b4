"""What is measured, one themed file each. To add a measure, add it to its file's `MEASURES`."""

from benchmarks.measure import Measure
from benchmarks.measures import (
    cells,
    commands,
    comms,
    completion,
    control,
    footprint,
    interrupts,
    output,
    startup,
    warm,
)

MEASURES: tuple[Measure, ...] = (
    *startup.MEASURES,
    *warm.MEASURES,
    *cells.MEASURES,
    *control.MEASURES,
    *output.MEASURES,
    *comms.MEASURES,
    *interrupts.MEASURES,
    *completion.MEASURES,
    *footprint.MEASURES,
    *commands.MEASURES,
)
