"""The debugger: DAP requests of a frontend, answered here or passed on to debugpy.

In the order in which a request travels:

- `session`: which command is answered how; the state of a debugging session.
- `cells`: the file names of cells, and the files that a frontend asks for.
- `variables`, `rich`, `sources`: what is answered without debugpy's adapter.
- `adapter`: the adapter's process, from its start to its certain end.
- `connection`: requests and replies matched by number, events handed on.
- `framing`: bytes ↔ DAP messages.
- `attachment`: pydevd inside this process: attach, keep armed, detach; `breakpoints`: the `breakpoint()` builtin.

Nothing here imports debugpy before a frontend asks for what needs it.
"""
