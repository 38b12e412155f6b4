# Stands in for nixpkgs in tests/nix: the names that our flake uses, and nothing else.
{
  description = "A stand-in for nixpkgs that builds with the host's tools";
  outputs = _: { lib = import ./lib.nix; };
}
