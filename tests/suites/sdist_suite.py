"""Run the test-suite that another project ships in its source distribution, with the kernel under test as `python3`.

The source distribution is fetched by pip, of the version that is installed, and kept in `.cache/sdists`; it is
unpacked anew for each run, and only its tests and settings are, so that they exercise the installed package. Which
tests do not apply is a list of `Deselected`, each with its reason.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from jupyter_home import ARTIFACTS, REPOSITORY, environment_without_pytest

CACHE = REPOSITORY / ".cache" / "sdists"


@dataclass(frozen=True)
class Deselected:
    """A test of the suite that is not run, and why a user would agree."""

    test: str
    reason: str


@dataclass(frozen=True)
class SdistSuite:
    """One project's test-suite, and how it is run."""

    project: str
    fewest_tests: int
    """The version that the list was made with has a few more: far fewer means that something kept it from running."""
    tests: str = "tests"
    modules: tuple[str, ...] = ()
    """Which of its modules are run, in this order; none named = all."""
    deselected: tuple[Deselected, ...] = ()
    skipped: tuple[str, ...] = ()
    """Tests that it skips itself on every system like this one."""
    plugin: Path | None = None
    """A pytest plugin to run it with."""
    timeout: float = 600.0

    def fetch(self) -> Path:
        """The source distribution, from the cache or from the package index."""
        wanted = version(self.project)
        pattern = f"{self.project.replace('-', '_')}-{wanted}.tar.gz"
        if not list(CACHE.glob(pattern)):
            CACHE.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            command += ["--disable-pip-version-check", "--no-binary", self.project]
            command += ["--dest", str(CACHE), f"{self.project}=={wanted}"]
            subprocess.run(command, check=True, timeout=300)
        (archive,) = CACHE.glob(pattern)
        return archive

    def unpack(self, into: Path) -> Path:
        """Lay the tests and the settings out under `into`; returns the folder to run in."""
        with tarfile.open(self.fetch()) as archive:
            wanted = [m for m in archive.getmembers() if self._is_wanted(m)]
            archive.extractall(into, members=wanted, filter="data")
        (folder,) = into.iterdir()
        return folder

    def _is_wanted(self, member: tarfile.TarInfo) -> bool:
        _, _, path = member.name.partition("/")
        return path in ("pyproject.toml", "conftest.py") or f"{path}/".startswith(f"{self.tests}/")

    def run(self, into: Path) -> SuiteRun:
        """Run the suite in a process of its own, with the environment that is in force."""
        folder = self.unpack(into)
        report = into / "report.xml"
        output_path = ARTIFACTS / "suites" / f"{self.project}.txt"
        output_path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pytest", f"--junitxml={report}"]
        command += ["-p", "no:cacheprovider", "--color=no", "--timeout=120", "-o", "addopts=-ra"]
        command += ["-o", "asyncio_default_fixture_loop_scope=function"]
        for entry in self.deselected:
            command += ["--deselect", f"{self.tests}/{entry.test}"]
        if self.plugin is not None:
            shutil.copy(self.plugin, folder)
            command += ["-p", self.plugin.stem]
        command += [f"{self.tests}/{module}" for module in self.modules] or [self.tests]
        with output_path.open("wb") as output:
            subprocess.run(
                command,
                cwd=folder,
                env=environment_without_pytest(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=self.timeout,
                check=False,
            )
        return SuiteRun(report, output_path)


@dataclass(frozen=True)
class SuiteRun:
    """What the suite's own pytest reported."""

    report: Path
    output: Path

    @cached_property
    def outcomes(self) -> dict[str, str]:
        """passed, failed or skipped for each test, by its name."""
        assert self.report.exists(), self.tail()
        return {
            f"{case.get('classname')}::{case.get('name')}": _outcome(case)
            for case in ElementTree.parse(self.report).iter("testcase")
        }

    @property
    def deselected(self) -> int:
        """How many tests were left out by name."""
        found = re.search(r"(\d+) deselected", self.tail())
        return int(found[1]) if found else 0

    def named(self, outcome: str) -> list[str]:
        """The tests with one outcome."""
        return [name for name, found in self.outcomes.items() if found == outcome]

    def tail(self) -> str:
        """The end of what pytest printed, to explain a failure; the whole is in `.artifacts/suites`."""
        return self.output.read_text(encoding="utf-8", errors="replace")[-6000:]


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "skipped" if case.find("skipped") is not None else "passed"
