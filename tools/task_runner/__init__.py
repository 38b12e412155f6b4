"""What `./run` does on a machine without pixi.

Reading order: `main` → `manifest` → `environments` → `tasks`, with `interpreters`, `machine`, `fingerprints`, `files`
and `project` below them. Standard library only.
"""
