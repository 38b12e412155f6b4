"""A conda channel made of what this machine has and of what its package indexes hold.

It stands in for conda-forge where that is out of reach, so that our recipe and `pixi.toml` can be solved, built, tested
and installed by the real tools. It proves recipes, manifests and metadata, not conda-forge's binaries: every build
string says `standin`, and versions are those of what is really inside.

Reading order: `__main__` → `channel` → `requirements`, `resolution`, `wheels`, `machine_packages`, `records`, with
`interpreters`, `names`, `build_log`, `store` and `places` below them. `our_recipe` and `prefixes` use the channel.
"""
