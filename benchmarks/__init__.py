"""ipyrust beside its peers, measured over raw ZMQ sockets: `python -m benchmarks`.

Reading order: `cli` (options) → `kernels` (who) → `measures/` (what) → `runner` (in which order) →
`marks` and `table` (what it says). `launcher` owns processes, `client` owns sockets, `wire` owns
frames; nothing else touches them.
"""
