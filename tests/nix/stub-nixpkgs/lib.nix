# The functions of nixpkgs' `lib` that our flake uses, and three that the stand-in needs.
rec {
  fix = function: let result = function result; in result;
  extend = builtins.foldl' (
    base: overlay: final:
    let
      previous = base final;
    in
    previous // overlay final previous
  );
  callPackageWith =
    scope: file: arguments:
    let
      function = import file;
    in
    function (builtins.intersectAttrs (builtins.functionArgs function) scope // arguments);

  genAttrs =
    names: valueOf:
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value = valueOf name;
      }) names
    );
  getExe = package: "${package}/bin/${package.meta.mainProgram}";
  fileset = {
    unions = files: files;
    toSource =
      { root, fileset }:
      builtins.path {
        name = "source";
        path = root;
        filter =
          path: _:
          let
            isBelow = directory: file: builtins.substring 0 (builtins.stringLength directory) file == directory;
            touches = file: isBelow "${toString file}/" "${path}/" || isBelow "${path}/" "${toString file}/";
          in
          builtins.any touches fileset;
      };
  };
  importJSON = path: builtins.fromJSON (builtins.readFile path);
  importTOML = path: builtins.fromTOML (builtins.readFile path);
  toLower =
    let
      letters = text: builtins.filter (part: part != "") (builtins.filter builtins.isString (builtins.split "" text));
    in
    builtins.replaceStrings (letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ") (letters "abcdefghijklmnopqrstuvwxyz");

  licenses.bsd3.spdxId = "BSD-3-Clause";
  platforms = {
    linux = [ "x86_64-linux" "aarch64-linux" ];
    darwin = [ "x86_64-darwin" "aarch64-darwin" ];
  };
}
