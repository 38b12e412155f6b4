# The kernel: IPython on the engine.
{
  lib,
  buildPythonPackage,
  python,
}:
let
  source = ../packages/ipyrust-kernel;
  resources = source + "/src/ipyrust/resources";
  spec = lib.importJSON (resources + "/kernel.json");
  manifest = lib.importTOML (source + "/pyproject.toml");
  workspace = (lib.importTOML ../packages/ipyrust-core/Cargo.toml).workspace;
  packagesOf = import ./requirements.nix lib python.pkgs;
  environment = python.withPackages (packages: [ packages.ipyrust-kernel ]);
in
buildPythonPackage {
  pname = manifest.project.name;
  inherit (workspace.package) version;
  pyproject = true;
  src = source;

  build-system = packagesOf manifest.build-system.requires;
  dependencies = packagesOf manifest.project.dependencies;
  optional-dependencies.debug = packagesOf manifest.project.optional-dependencies.debug;

  pythonImportsCheck = [
    "ipyrust"
    "ipyrust.interpreter"
  ];

  # For `jupyter-kernel.create { definitions.ipyrust = ipyrust-kernel.definition; }`.
  passthru.definition = {
    displayName = spec.display_name;
    argv = [ environment.interpreter ] ++ builtins.tail spec.argv;
    inherit (spec) language metadata;
    interruptMode = spec.interrupt_mode;
    logo32 = resources + "/logo-32x32.png";
    logo64 = resources + "/logo-64x64.png";
  };

  meta = {
    inherit (manifest.project) description;
    license = lib.licenses.bsd3;
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
