"""The native `ipyrust` command, run as users run it, on real virtual environments."""
