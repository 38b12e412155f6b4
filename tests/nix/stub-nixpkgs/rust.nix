# `rustPlatform`.
{ lib, make }:
let
  inherit (make) link only run;
in
{
  rustPlatform = {
    # As the true one, it needs a checksum of every crate, which a lock file has for crates of crates.io only.
    importCargoLock =
      attributes:
      let
        inherit (only "importCargoLock" [ "lockFile" ] attributes) lockFile;
        unchecked = builtins.filter (crate: crate ? source && !(crate ? checksum)) (lib.importTOML lockFile).package;
      in
      if unchecked == [ ] then
        run {
          name = "cargo-vendor-dir";
          script = "mkdir $out; cp $lockFile $out/Cargo.lock";
          env = { inherit lockFile; };
        }
      else
        throw "importCargoLock: no checksum of ${(builtins.head unchecked).name}";

    cargoSetupHook = link "cargo-setup-hook" [ ] // {
      hook = "cargoSetup";
    };
    maturinBuildHook = link "maturin-build-hook" [ "cargo" "maturin" "rustc" ] // {
      hook = "maturinBuild";
    };
  };
}
