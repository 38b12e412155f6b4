"""`pixi.toml`: which environment has which tasks and dependencies.

Only what our manifest needs is understood: plain command lines (no task arguments), `depends-on`, `env`, `cwd`,
`inputs`, `outputs`, `default-environment`, features, and dependencies by version. Anything else is refused by name.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from typing import Any

from task_runner.project import MANIFEST, ROOT, RunError

PYPI_NAMES = {"matplotlib-base": "matplotlib"}
"""Conda package → PyPI distribution, where the names differ."""

MACHINE_PROGRAMS = {
    "python",
    "pip",
    "rust",
    "c-compiler",
    "cxx-compiler",
    "make",
    "pkg-config",
    "zeromq",
}
"""Conda packages that a virtual environment takes from the machine."""


class Task:
    """One entry of a `tasks` table."""

    def __init__(self, name: str, definition: Any) -> None:
        if isinstance(definition, str):
            definition = {"cmd": definition}
        elif isinstance(definition, list):
            definition = {"depends-on": definition}
        self.name = name
        self.cmd: str = definition.get("cmd", "")
        self.description: str = definition.get("description", "")
        self.cwd: str = os.path.join(ROOT, definition.get("cwd", "."))
        self.env: dict[str, str] = dict(definition.get("env", {}))
        self.inputs: list[str] = list(definition.get("inputs", []))
        self.outputs: list[str] = list(definition.get("outputs", []))
        self.default_environment: str | None = definition.get("default-environment")
        depends_on = definition.get("depends-on", [])
        if isinstance(depends_on, (str, dict)):
            depends_on = [depends_on]
        self.depends_on = [
            (item, None) if isinstance(item, str) else (item["task"], item.get("environment"))
            for item in depends_on
        ]
        if "{{" in self.cmd:
            raise RunError(
                f"task {name!r} takes template arguments, which need pixi; use `pixi run {name}`"
            )


class Manifest:
    """`pixi.toml`: which environment has which tasks and dependencies."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self.features: dict[str, Mapping[str, Any]] = {"default": table, **table.get("feature", {})}
        self.environments: dict[str, list[str]] = {"default": ["default"]}
        for name, value in table.get("environments", {}).items():
            extra = value if isinstance(value, list) else value.get("features", [])
            bare = isinstance(value, dict) and value.get("no-default-feature", False)
            self.environments[name] = [*([] if bare else ["default"]), *extra]
            for feature in extra:
                if feature not in self.features:
                    raise RunError(
                        f"pixi.toml: environment {name!r} names an unknown feature {feature!r}"
                    )
        self.tasks: dict[str, dict[str, Task]] = {
            feature: {name: Task(name, value) for name, value in content.get("tasks", {}).items()}
            for feature, content in self.features.items()
        }

    def visible_tasks(self) -> dict[str, Task]:
        """Every task a person may call, in the order of the file."""
        return {
            name: task
            for tasks in self.tasks.values()
            for name, task in tasks.items()
            if not name.startswith("_")
        }

    def find(self, name: str, environment: str) -> Task | None:
        """The task as `environment` sees it: the last feature that defines it wins."""
        for feature in reversed(self.environments[environment]):
            if name in self.tasks[feature]:
                return self.tasks[feature][name]
        return None

    def choose_environment(self, name: str, wanted: str | None) -> str:
        """Where a task runs: the one asked for, its default environment, else the first that has it."""
        if wanted is not None:
            if wanted not in self.environments:
                known = ", ".join(self.environments)
                raise RunError(f"no environment {wanted!r} in pixi.toml; there are: {known}")
            if self.find(name, wanted) is None:
                raise RunError(
                    f"environment {wanted!r} has no task {name!r}; leave out `-e {wanted}`"
                )
            return wanted
        for environment in self.environments:
            task = self.find(name, environment)
            if task is not None:
                return task.default_environment or environment
        raise RunError(self._unknown_task(name))

    def _unknown_task(self, name: str) -> str:
        import difflib  # only a mistake pays for it

        known = list(self.visible_tasks())
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        return f"no task {name!r}; {hint} (./run --help lists them)"

    def requirements(self, environment: str) -> list[str]:
        """The environment's dependency lists as pip requirements, sorted."""
        found: dict[str, str] = {}
        for feature in self.environments[environment]:
            content = self.features[feature]
            for name, spec in content.get("dependencies", {}).items():
                if name not in MACHINE_PROGRAMS:
                    pypi_name = PYPI_NAMES.get(name, name)
                    found[pypi_name] = pypi_name + version_specifier(name, spec)
            for name, spec in content.get("pypi-dependencies", {}).items():
                found[name] = name + version_specifier(name, spec)
        return sorted(found.values())

    def python(self, environment: str) -> str | None:
        """The one minor version that the environment is for, as "3.12"; None when it leaves a choice."""
        version: str | None = None
        for feature in self.environments[environment]:
            spec = str(self.features[feature].get("dependencies", {}).get("python", ""))
            exact = re.fullmatch(r"(3\.\d+)\.\*", spec)
            version = exact[1] if exact else version
        return version

    def schedule(self, name: str, environment: str) -> list[tuple[Task, str]]:
        """The task and everything it depends on, dependencies first, each once."""
        order: list[tuple[Task, str]] = []
        seen: set[tuple[str, str]] = set()

        def visit(name: str, environment: str, above: tuple[str, ...]) -> None:
            if name in above:
                raise RunError(
                    f"pixi.toml: tasks depend on each other in a circle: {' → '.join((*above, name))}"
                )
            if (name, environment) in seen:
                return
            seen.add((name, environment))
            task = self.find(name, environment)
            if task is None:
                raise RunError(
                    f"pixi.toml: {above[-1]!r} depends on {name!r}, which {environment!r} does not have"
                )
            for needed, elsewhere in task.depends_on:
                visit(needed, elsewhere or environment, (*above, name))
            order.append((task, environment))

        visit(name, environment, ())
        return order

    def activation(self, environment: str) -> dict[str, str]:
        """Environment variables that the manifest sets."""
        variables: dict[str, str] = {}
        for feature in self.environments[environment]:
            variables.update(self.features[feature].get("activation", {}).get("env", {}))
        return variables


def version_specifier(name: str, spec: str | dict[str, Any]) -> str:
    """What pip calls pixi's `spec`: `*` is anything, `8.*` is `==8.*`, ranges are the same in both."""
    extras = ""
    if isinstance(spec, dict):
        if spec.keys() - {"version", "extras"}:
            raise RunError(
                f"pixi.toml: ./run cannot install {name} = {spec}; it knows version and extras"
            )
        extras = f"[{','.join(spec['extras'])}]" if "extras" in spec else ""
        spec = str(spec.get("version", "*"))
    if spec == "*":
        return extras
    return extras + (spec if spec[0] in "<>=!~" else "==" + spec)


def read_manifest(path: str = MANIFEST) -> Manifest:
    """Parse `pixi.toml`."""
    try:
        with open(path, "rb") as file:
            return Manifest(tomllib.load(file))
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"{path} is not TOML: {error}") from None
