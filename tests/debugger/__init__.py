"""The debugger, driven over the wire as a frontend drives it."""
