# The engine, linked with the libzmq of nixpkgs.
{
  lib,
  buildPythonPackage,
  pkg-config,
  rustPlatform,
  zeromq,
}:
let
  source = ../packages/ipyrust-core;
  workspace = (lib.importTOML (source + "/Cargo.toml")).workspace;
  project = (lib.importTOML (source + "/pyproject.toml")).project;
in
buildPythonPackage {
  pname = project.name;
  inherit (workspace.package) version;
  pyproject = true;
  src = source;

  cargoDeps = rustPlatform.importCargoLock { lockFile = source + "/Cargo.lock"; };
  build-system = [
    rustPlatform.cargoSetupHook
    rustPlatform.maturinBuildHook
  ];
  nativeBuildInputs = [ pkg-config ];
  buildInputs = [ zeromq ];

  # Without its default feature the crate has no libzmq of its own; the variable makes sure of it.
  maturinBuildFlags = [ "--no-default-features" ];
  env.IPYRUST_LIBZMQ = "system";

  pythonImportsCheck = [ "ipyrust_core" ];

  meta = {
    inherit (project) description;
    license = lib.licenses.bsd3;
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
