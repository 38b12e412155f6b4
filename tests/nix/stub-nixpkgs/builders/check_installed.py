"""Fails if an installed distribution lacks a requirement, or has it in a wrong version: PREFIX SITE-PACKAGES …"""

import sys
from importlib.metadata import distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

own, *_ = directories = sys.argv[1:]
present = {
    canonicalize_name(found.name): found.version for found in distributions(path=directories)
}
(installed,) = distributions(path=[own])
for text in installed.requires or ():
    requirement = Requirement(text)
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        continue
    version = present.get(canonicalize_name(requirement.name))
    if version is None:
        sys.exit(f"{installed.name} requires {text}, which is not among its dependencies")
    if not requirement.specifier.contains(version, prereleases=True):
        sys.exit(f"{installed.name} requires {text}, but version {version} is there")
