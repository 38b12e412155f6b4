"""Cells that do what they should not: the kernel lives on, or ends as the cell asked."""
