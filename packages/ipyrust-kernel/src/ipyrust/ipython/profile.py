"""The profile: its directory, and the configuration that it, the machine and the command line add up to.

As in IPython: `ipython_config` and then `ipython_kernel_config`, each as .py or .json, from the system's directories,
the environment's and the profile, later ones winning; then the files and pairs that the command line names.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.profiledir import ProfileDir, ProfileDirError
from IPython.paths import get_ipython_dir
from traitlets.config.loader import Config

from ipyrust.ipython.kernel_traits import environment_config

if TYPE_CHECKING:
    from ipyrust.options import KernelOptions

CONFIG_NAMES = ("ipython_config", "ipython_kernel_config")


def find_profile(options: KernelOptions) -> tuple[str, ProfileDir]:
    """IPython's directory and the profile's, made if they are missing; temporary ones if they cannot be made."""
    ipython_dir = options.ipython_dir or str(get_ipython_dir())
    try:
        os.makedirs(ipython_dir, exist_ok=True)
        if options.profile_dir:
            return ipython_dir, ProfileDir.create_profile_dir(options.profile_dir)
        profile_dir = ProfileDir.create_profile_dir_by_name(ipython_dir, options.profile)
        return ipython_dir, profile_dir
    except (ProfileDirError, OSError) as error:
        import logging
        import tempfile

        directory = tempfile.mkdtemp(prefix="ipyrust-")
        logging.getLogger("ipyrust").warning(
            "profile %r cannot be used (%s): this kernel keeps nothing but in %s",
            options.profile_dir or options.profile,
            error,
            directory,
        )
        return directory, ProfileDir.create_profile_dir_by_name(directory, "default")


def load_config(
    profile: str = "default",
    profile_dir: str | None = None,
    extra: Mapping[str, Any] | None = None,
    *,
    files: Iterable[str] = (),
) -> Config:
    """The configuration of a profile; `extra` ({"Class": {"trait": value}}) and `files` win over it.

    A file that fails is reported on the log, and the rest is loaded.
    """
    directory = profile_dir or os.path.join(str(get_ipython_dir()), f"profile_{profile}")
    config = Config()
    for name in CONFIG_NAMES:
        for folder in (*system_directories(), directory):
            for suffix in (".py", ".json"):
                path = os.path.join(folder, name + suffix)
                if os.path.exists(path):
                    config.merge(load_file(path))
    for path in files:
        config.merge(load_file(path))
    config.merge(Config(extra or {}))
    return config


def system_directories() -> list[str]:
    """IPython's directories outside of the profile, the weakest first."""
    import sys

    if os.name == "nt":
        machine = os.environ.get("PROGRAMDATA", "")
        system = [os.path.join(machine, "ipython")] if machine else []
    else:
        system = ["/etc/ipython", "/usr/local/etc/ipython"]
    environment = os.path.join(sys.prefix, "etc", "ipython")
    return [*system, *([environment] if environment not in system else [])]


def load_file(path: str) -> Config:
    """One configuration file; an empty configuration if it fails, with the reason on the log."""
    from traitlets.config.loader import JSONFileConfigLoader, PyFileConfigLoader

    kind = JSONFileConfigLoader if path.endswith(".json") else PyFileConfigLoader
    location = Path(path)
    try:
        config: Config = kind(location.name, str(location.parent)).load_config()
    except Exception as error:
        import logging

        logging.getLogger("ipyrust").error(
            "configuration %s was not loaded: %s: %s", path, type(error).__name__, error
        )
        return Config()
    return config


def config_from_pairs(pairs: Iterable[tuple[str, str]]) -> Config:
    """Overrides of the command line: text that each trait parses itself, a list where a name is repeated."""
    from traitlets.config.loader import DeferredConfigList, DeferredConfigString

    values: dict[str, list[str]] = {}
    for name, text in pairs:
        values.setdefault(name, []).append(text)
    config = Config()
    for name, texts in values.items():
        section, _, trait = name.rpartition(".")
        if not section:
            raise ValueError(f"configuration {name!r} names no class: write Class.trait")
        config[section][trait] = (
            DeferredConfigString(texts[0]) if len(texts) == 1 else DeferredConfigList(texts)
        )
    return config


def load_options(options: KernelOptions, profile_dir: ProfileDir) -> Config:
    """The whole configuration for `options`."""
    config = load_config(
        options.profile,
        str(profile_dir.location),
        files=options.config_files,
        extra=environment_config(),
    )
    if options.config:
        config.merge(config_from_pairs(options.config))
    return config
