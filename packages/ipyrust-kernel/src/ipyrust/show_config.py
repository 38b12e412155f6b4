"""`python -m ipyrust --show-config`: the configuration of files and command line, added up."""

from __future__ import annotations

import json

from ipyrust.ipython.profile import find_profile, load_options
from ipyrust.options import KernelOptions


def show_config(options: KernelOptions, *, as_json: bool) -> str:
    """The traits that are set, by class: a JSON object, or lines for a person."""
    _, profile_dir = find_profile(options)
    config = {
        section: dict(traits)
        for section, traits in sorted(load_options(options, profile_dir).items())
        if traits
    }
    if as_json:
        return json.dumps(config, default=str, indent=1)
    lines = [f"profile: {profile_dir.location}"]
    for section, traits in config.items():
        lines.append(section)
        lines += [f"  .{name} = {value!r}" for name, value in sorted(traits.items())]
    return "\n".join(lines)
