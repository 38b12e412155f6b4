# The packages of `pythonPackages` that requirements of a pyproject.toml name: [ "ipython>=8.31" ] is
# [ pythonPackages.ipython ]. Whether their versions will do is checked when the package is built.
lib: pythonPackages: requirements:
let
  nameOf =
    requirement:
    let
      parts = builtins.match "([A-Za-z0-9._-]*[A-Za-z0-9])( *[<>=!~][^;]*)?" requirement;
    in
    if parts == null then
      throw "requirement ${requirement}: only a name and versions are understood, no extras, markers or addresses"
    else
      builtins.replaceStrings [ "_" "." ] [ "-" "-" ] (lib.toLower (builtins.head parts));
in
map (requirement: pythonPackages.${nameOf requirement}) requirements
