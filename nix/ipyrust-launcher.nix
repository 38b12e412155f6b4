# The native command: finds the interpreter that has ipyrust and becomes `python -m ipyrust` there.
{
  lib,
  buildPythonPackage,
  rustPlatform,
}:
let
  source = ../packages/ipyrust-launcher;
  inherit (lib.importTOML (source + "/Cargo.toml")) package;
in
buildPythonPackage {
  pname = package.name;
  inherit (package) version;
  pyproject = true;

  # Its logos are links to the kernel's.
  src = lib.fileset.toSource {
    root = ../packages;
    fileset = lib.fileset.unions [
      source
      ../packages/ipyrust-kernel/src/ipyrust/resources
    ];
  };
  sourceRoot = "source/ipyrust-launcher";

  cargoDeps = rustPlatform.importCargoLock { lockFile = source + "/Cargo.lock"; };
  build-system = [
    rustPlatform.cargoSetupHook
    rustPlatform.maturinBuildHook
  ];

  meta = {
    inherit (package) description;
    license = lib.licenses.bsd3;
    mainProgram = "ipyrust";
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
