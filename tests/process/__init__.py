"""The process around the kernel: bad connection files, bad flags, start and end."""
