# The command `ipyrust`: `python -m ipyrust` in an environment of its own.
{
  lib,
  python3,
  writeShellApplication,
}:
let
  environment = python3.withPackages (packages: [ packages.ipyrust-kernel ]);
in
writeShellApplication {
  name = "ipyrust";
  text = ''exec ${environment.interpreter} -m ipyrust "$@"'';
  meta = {
    inherit (python3.pkgs.ipyrust-kernel.meta) description license platforms;
    mainProgram = "ipyrust";
  };
}
