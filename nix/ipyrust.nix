# The command `ipyrust`, which takes a Python of its own unless IPYRUST_PYTHON or `--python` names another.
{
  lib,
  python3,
  writeShellApplication,
}:
let
  inherit (python3.pkgs) ipyrust-launcher;
  environment = python3.withPackages (packages: [ packages.ipyrust-kernel ]);
in
writeShellApplication {
  name = "ipyrust";
  text = ''
    export IPYRUST_PYTHON="''${IPYRUST_PYTHON:-${environment.interpreter}}"
    exec ${lib.getExe ipyrust-launcher} "$@"
  '';
  meta = {
    inherit (ipyrust-launcher.meta) description license platforms;
  };
}
