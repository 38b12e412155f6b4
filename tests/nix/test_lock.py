"""flake.lock fits flake.nix and has the form of a lock.

Whether revision and hash belong together can only be seen where GitHub is reachable; Nix refuses the input if not.
"""

from __future__ import annotations

import base64
import json
import re

from nix.command import Nix


def test_it_is_the_lock_of_this_flake(nix: Nix) -> None:
    metadata = json.loads(nix.metadata())
    assert metadata["locks"] == json.loads((nix.flake / "flake.lock").read_text())


def test_revision_and_hash_are_well_formed(nix: Nix) -> None:
    nodes = json.loads((nix.flake / "flake.lock").read_text())["nodes"]
    assert list(nodes) == ["nixpkgs", "root"]
    locked = nodes["nixpkgs"]["locked"]
    algorithm, _, digest = locked["narHash"].partition("-")
    assert algorithm == "sha256" and len(base64.b64decode(digest, validate=True)) == 32
    assert re.fullmatch(r"[0-9a-f]{40}", locked["rev"])
    assert locked["lastModified"] > 0


def test_the_release_still_knows_all_four_systems(nix: Nix) -> None:
    # nixpkgs 26.11 and later refuse x86_64-darwin.
    original = json.loads((nix.flake / "flake.lock").read_text())["nodes"]["nixpkgs"]["original"]
    assert original["ref"] == "nixpkgs-26.05-darwin"
