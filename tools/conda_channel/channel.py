"""Puts the channel together: `python`, what pip chose, and what the machine has."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.utils import canonicalize_name
from rattler.index import index_fs

from conda_channel import wheels as wheels_module
from conda_channel.interpreters import NEWEST_MINOR, OLDEST_MINOR, Interpreter, find_interpreters
from conda_channel.machine_packages import (
    Toolchain,
    abi3_package,
    python_package,
    toolchain,
    toolchain_packages,
    zeromq_package,
)
from conda_channel.places import CACHE, CHANNEL, RECORDS, STANDIN_VARIANTS, ChannelError, say
from conda_channel.records import Records
from conda_channel.requirements import all_requirements, tested_packages
from conda_channel.resolution import (
    Distribution,
    Resolution,
    build_sdists,
    download,
    resolve,
    resolve_versions,
)
from conda_channel.store import Store, digest_of, key_of
from conda_channel.wheels import WheelConverter

WHEELS = CACHE / "wheels"
SUMMARY = CHANNEL / "channel.json"
SUBDIRS = ("noarch", "linux-64")


@dataclass(frozen=True)
class Wanted:
    """A wheel to be made into a package."""

    item: Distribution
    python: str


def make_channel(pythons: Sequence[str] = ()) -> None:
    """Make `.cache/conda/channel` and `.cache/conda/records`, or bring them up to date.

    Args:
        pythons: minor versions that must be packages, as "3.12"; others are when the machine has them.

    Raises:
        ChannelError: the machine lacks something; the message names it.
    """
    check_platform(platform.system(), platform.machine())
    interpreters = find_interpreters(pythons)
    tools = toolchain()
    store = Store(CACHE / "made")
    built = build_sdists(store)
    with ThreadPoolExecutor(1) as pool:  # compiles while pip waits for the index
        machine = pool.submit(from_machine, interpreters, tools, store)
        wanted, records, folders = from_index(interpreters, built, store)
        made, zeromq_version = machine.result()
    assemble([*made, *folders])
    records.write(RECORDS)
    write_variants(tools, zeromq_version)
    write_summary(interpreters, wanted)


def check_platform(system: str, machine: str) -> None:
    """Only one platform has stand-ins.

    Raises:
        ChannelError: this is another one.
    """
    if (system, machine) != ("Linux", "x86_64"):
        raise ChannelError(
            f"the stand-in channel is for Linux on x86_64, and this is {system} on {machine}: "
            "use conda-forge, with pixi or rattler-build"
        )


def from_machine(
    interpreters: Sequence[Interpreter], tools: Toolchain, store: Store
) -> tuple[list[Path], str]:
    """Packages of what the machine has, and the version of its libzmq."""
    zeromq, zeromq_version = zeromq_package(store)
    folders = [python_package(each, store) for each in interpreters]
    return [*folders, abi3_package(store), zeromq, toolchain_packages(tools, store)], zeromq_version


def from_index(
    interpreters: Sequence[Interpreter], built: Path, store: Store
) -> tuple[list[Wanted], Records, list[Path]]:
    """Packages of wheels: which, the records of the others, and the packages' directories."""
    requirements, names = all_requirements()
    resolution = resolve(requirements, interpreters[0], built, store)
    converter = WheelConverter(resolution, names)
    wanted, records = divide(resolution, converter, interpreters, store)
    return wanted, records, convert_wheels(wanted, converter, store)


def divide(
    resolution: Resolution,
    converter: WheelConverter,
    interpreters: Sequence[Interpreter],
    store: Store,
) -> tuple[list[Wanted], Records]:
    """Which wheels become packages, and which only records.

    Everything is a package for the oldest Python. The later ones get packages of what the tests install, and records
    of the rest; a Python that is not here has records only.
    """
    oldest = interpreters[0].minor_version
    present = {each.minor_version for each in interpreters}
    wanted = [Wanted(item, oldest) for item in resolution.by_name.values()]
    compiled = [item for item in resolution.by_name.values() if not item.serves_every_python]
    installed = resolution.closure(tested_packages())
    records = Records(converter)
    for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1):
        python = f"3.{minor}"
        if python == oldest:
            continue
        if python not in present:
            records.add_python(python)
        for name, item in resolve_versions(compiled, python, store).items():
            if python in present and name in installed:
                if item.filename not in {each.item.filename for each in wanted}:
                    wanted.append(Wanted(item, python))
            else:
                records.add_wheel(item, python)
    return wanted, records


def convert_wheels(wanted: Sequence[Wanted], converter: WheelConverter, store: Store) -> list[Path]:
    """Fetch the wheels and make packages of them; returns their directories."""
    source = digest_of(Path(wheels_module.__file__))

    def key(each: Wanted) -> str:
        depends = converter.depends(each.item, each.python)
        conda_name = converter.names.conda(each.item.name)
        return key_of(each.item.filename, each.item.sha256, conda_name, depends, source)

    missing = [each for each in wanted if not (store.folder / key(each)).is_dir()]
    for python in sorted({each.python for each in missing}):
        items = [each.item for each in missing if each.python == python]
        download(items, python, WHEELS, converter.resolution.built)
    if missing:
        say(f"making packages of {len(missing)} wheels")

    def make(each: Wanted) -> Path:
        wheel = WHEELS / each.item.filename
        return store.make(
            key(each), lambda folder: converter.convert(each.item, wheel, each.python, folder)
        )

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(make, wanted))


def assemble(folders: Sequence[Path]) -> None:
    """Make the channel's directory of links to the packages, and index it."""
    packages = sorted(path for folder in folders for path in folder.glob("*/*.conda"))
    key = key_of([str(path) for path in packages])
    if (CHANNEL / "key").is_file() and (CHANNEL / "key").read_text(encoding="utf-8") == key:
        return
    shutil.rmtree(CHANNEL, ignore_errors=True)
    for subdir in SUBDIRS:
        (CHANNEL / subdir).mkdir(parents=True)
    for path in packages:
        place = CHANNEL / path.parent.name / path.name
        if place.exists():
            raise ChannelError(f"two packages are called {place.name}")
        os.link(path, place)
    say(f"indexing {len(packages)} packages")
    asyncio.run(index_fs(CHANNEL, write_zst=False, write_shards=False, force=True))
    (CHANNEL / "key").write_text(key, encoding="utf-8")


def write_variants(tools: Toolchain, zeromq_version: str) -> None:
    """Pins of what is really here, to be merged over conda-forge's."""
    pins = {
        "c_compiler_version": [tools.gcc_version],
        "c_stdlib_version": [tools.glibc_version],
        "rust_compiler_version": [tools.rust_version],
        "zeromq": [zeromq_version],
    }
    STANDIN_VARIANTS.write_text(yaml.safe_dump(pins), encoding="utf-8")


def write_summary(interpreters: Sequence[Interpreter], wanted: Sequence[Wanted]) -> None:
    """What the channel has, for tests and people to read."""
    summary = {
        "pythons": {each.minor_version: each.version for each in interpreters},
        "oldest": interpreters[0].minor_version,
        "wheels": sorted({canonicalize_name(each.item.name) for each in wanted}),
    }
    SUMMARY.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    versions = ", ".join(each.version for each in interpreters)
    say(f"{CHANNEL}: CPython {versions}, {len(wanted)} wheels")
