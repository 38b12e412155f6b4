"""Who gets through to a kernel and who does not, seen from outside of the process."""
