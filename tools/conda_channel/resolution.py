"""pip's answer to "which wheels are needed", and fetching them.

pip resolves once, for the oldest Python: what an index offers for it is offered for the later ones, too. Only wheels
that are compiled for one Python are asked for again, by exact version.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename

from conda_channel.interpreters import Interpreter
from conda_channel.places import CACHE, ChannelError, output_of, say
from conda_channel.store import Store, key_of

SDIST_ONLY = ("curio",)
"""Pure Python projects without a wheel on PyPI; pip builds one."""


@dataclass(frozen=True)
class Distribution:
    """One wheel that pip chose, before it is downloaded."""

    name: str
    version: str
    filename: str
    sha256: str
    requires: tuple[str, ...]
    requires_python: str
    licence: str
    summary: str

    @property
    def serves_every_python(self) -> bool:
        """Whether the wheel is for Python 3 at large: pure, or with the stable ABI."""
        tags = parse_wheel_filename(self.filename)[3]
        return any(tag.abi in ("none", "abi3") for tag in tags)

    @property
    def python(self) -> str:
        """Which Pythons it is for, as a version constraint."""
        needed = self.requires_python.replace(" ", "")
        for tag in parse_wheel_filename(self.filename)[3]:
            if tag.abi == "abi3":
                needed = f"{needed},>=3.{tag.interpreter.removeprefix('cp3')}".lstrip(",")
                break
        return needed

    @property
    def is_pure(self) -> bool:
        """Whether nothing in it is compiled."""
        return all(tag.platform == "any" for tag in parse_wheel_filename(self.filename)[3])


class Resolution:
    """Distributions by canonical name, with their dependencies."""

    def __init__(self, distributions: Iterable[Distribution], python: str, built: Path) -> None:
        """`python` is the minor version they were chosen for; `built` has the wheels that PyPI does not have."""
        self.by_name = {canonicalize_name(item.name): item for item in distributions}
        self.python = python
        self.built = built

    def dependencies(self, item: Distribution) -> list[Requirement]:
        """Its requirements, with those of the extras that it asks for spelled out."""
        return list(self._expand(item, frozenset()))

    def closure(self, names: Iterable[str]) -> set[str]:
        """Canonical names of these and of everything they depend on, among what was resolved."""
        found: set[str] = set()
        waiting = [canonicalize_name(name) for name in names]
        while waiting:
            name = waiting.pop()
            if name not in found and name in self.by_name:
                found.add(name)
                waiting += [
                    canonicalize_name(needed.name)
                    for needed in self.dependencies(self.by_name[name])
                ]
        return found

    def _expand(self, item: Distribution, extras: frozenset[str]) -> Iterator[Requirement]:
        for needed in map(Requirement, item.requires):
            applies = [self._applies(needed, extra) for extra in (extras or {""})]
            if not any(applies):
                continue
            yield needed
            target = self.by_name.get(canonicalize_name(needed.name))
            if needed.extras and target is not None:
                own = {str(each) for each in self._expand(target, frozenset())}
                for extra in self._expand(target, frozenset(needed.extras)):
                    if str(extra) not in own:
                        yield extra

    def _applies(self, needed: Requirement, extra: str) -> bool:
        environment = {"python_version": self.python, "sys_platform": "linux", "extra": extra}
        return needed.marker is None or needed.marker.evaluate(environment)


def resolve(
    requirements: Sequence[str], python: Interpreter, built: Path, store: Store
) -> Resolution:
    """Let pip choose wheels for `requirements` and everything they need, from the index and from `built`.

    Raises:
        ChannelError: pip finds no set of wheels, or no index.
    """

    def ask(folder: Path) -> None:
        say(f"asking pip for {len(requirements)} packages and what they need")
        text = report(["--find-links", str(built), *requirements], python.minor_version)
        (folder / "report.json").write_text(text, encoding="utf-8")

    folder = store.make(key_of("resolve", requirements, python.minor_version), ask)
    return Resolution(read_report(folder / "report.json"), python.minor_version, built)


def resolve_versions(
    items: Sequence[Distribution], python: str, store: Store
) -> dict[str, Distribution]:
    """The wheels of the same versions for another Python, by canonical name."""
    wanted = sorted(f"{item.name}=={item.version}" for item in items)

    def ask(folder: Path) -> None:
        text = report(["--no-deps", *wanted], python)
        (folder / "report.json").write_text(text, encoding="utf-8")

    folder = store.make(key_of("versions", wanted, python), ask)
    found = read_report(folder / "report.json")
    return {canonicalize_name(item.name): item for item in found}


def download(items: Sequence[Distribution], python: str, folder: Path, built: Path) -> None:
    """Fetch the wheels into `folder`, unless they are there."""
    missing = [item for item in items if not (folder / item.filename).exists()]
    if not missing:
        return
    say(f"fetching {len(missing)} wheels for Python {python}")
    wanted = [f"{item.name}=={item.version}" for item in missing]
    command = ["download", "--no-deps", "--dest", str(folder), "--find-links", str(built)]
    run_pip([*command, *platform(python), *wanted])


def build_sdists(store: Store) -> Path:
    """The directory with wheels of the projects that have none: the first that the index is asked for, and quick.

    Raises:
        ChannelError: pip cannot reach an index.
    """

    def build(folder: Path) -> None:
        run_pip(["wheel", "--no-deps", "--wheel-dir", str(folder), *SDIST_ONLY])

    return store.make(key_of("sdists", SDIST_ONLY), build)


def report(arguments: Sequence[str], python: str) -> str:
    """pip's report on what it would install."""
    command = ["install", "--dry-run", "--ignore-installed", "--target", str(CACHE / "unused")]
    return run_pip([*command, "--report", "-", *platform(python), *arguments])


def platform(python: str) -> list[str]:
    """Options that choose wheels of another Python than the running one."""
    return ["--python-version", python, "--only-binary", ":all:"]


def run_pip(arguments: Sequence[str]) -> str:
    """Standard output of pip.

    Raises:
        ChannelError: it failed, with the line in which pip says why.
    """
    command = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    try:
        return output_of([*command, *arguments], "choose wheels with pip")
    except ChannelError as error:
        raise ChannelError(
            f"{error}; the channel is made from a package index, so the machine needs to reach one"
        ) from None


def read_report(path: Path) -> list[Distribution]:
    """Distributions of pip's installation report."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [distribution(item) for item in content["install"]]


def distribution(item: dict[str, Any]) -> Distribution:
    """One entry of pip's installation report."""
    metadata, source = item["metadata"], item["download_info"]
    return Distribution(
        name=metadata["name"],
        version=metadata["version"],
        filename=source["url"].rpartition("/")[2].replace("%2B", "+"),
        sha256=source["archive_info"].get("hashes", {}).get("sha256", ""),
        requires=tuple(metadata.get("requires_dist", ())),
        requires_python=metadata.get("requires_python", ""),
        licence=metadata.get("license_expression", ""),
        summary=metadata.get("summary", ""),
    )
