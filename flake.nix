# ipyrust for Nix: `nix run .#ipyrust`, `nix build .#ipyrust-kernel`, `nix develop`, or the overlay in a flake of yours.
# The packages are in nix/; versions and dependencies are read from Cargo.toml and pyproject.toml.
{
  description = "A Jupyter kernel for Python with a native engine";

  # 26.05 is the last release of nixpkgs that knows x86_64-darwin; later ones refuse to evaluate for it.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixpkgs-26.05-darwin";

  outputs =
    { self, nixpkgs }:
    let
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        "x86_64-darwin"
        "aarch64-darwin"
      ];
      forEachSystem =
        outputsFor:
        nixpkgs.lib.genAttrs systems (
          system:
          outputsFor (
            import nixpkgs {
              inherit system;
              overlays = [ self.overlays.default ];
            }
          )
        );
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = forEachSystem (pkgs: {
        inherit (pkgs) ipyrust;
        inherit (pkgs.python3Packages) ipyrust-core ipyrust-kernel ipyrust-launcher;
        default = pkgs.ipyrust;
      });

      apps = forEachSystem (pkgs: rec {
        ipyrust = {
          type = "app";
          program = nixpkgs.lib.getExe pkgs.ipyrust;
          meta = { inherit (pkgs.ipyrust.meta) description; };
        };
        default = ipyrust;
      });

      checks = forEachSystem (pkgs: {
        inherit (pkgs) ipyrust;
        cell = pkgs.callPackage ./nix/cell-check.nix { };
      });

      devShells = forEachSystem (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix { };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
