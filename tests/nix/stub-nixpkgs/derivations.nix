# How the stand-in makes derivations: bash with a few basic tools of the host and whatever the package declares.
{ system, host }:
rec {
  # A derivation that runs `script` with the programs of `inputs` on PATH; `env` are its variables.
  run =
    {
      name,
      script,
      inputs ? [ ],
      env ? { },
      meta ? { },
      passthru ? { },
    }:
    derivation (
      env
      // {
        inherit name system;
        builder = host.programs.bash;
        # Nix kills a builder that has closed its stderr, and bash would become the last command, which may do that
        # just before it ends. So the last command is bash's own.
        args = [ "-eu" "-o" "pipefail" "-c" "${script}\nexit 0" ];
        PATH = builtins.concatStringsSep ":" (map (input: "${input}/bin") (inputs ++ [ basicTools ]));
      }
    )
    // passthru
    // { inherit meta; };

  # A package that consists of programs of the host.
  link =
    name: programs:
    derivation {
      inherit name system;
      builder = host.programs.bash;
      args = [ "-euc" "$mkdir -p $out/bin; for program in $programs; do $ln -s $program $out/bin/; done" ];
      inherit (host.programs) ln mkdir;
      programs = map (program: host.programs.${program}) programs;
    };
  basicTools = link "basic-tools" host.basicTools;

  # A package that is only named.
  unbuilt =
    name:
    run {
      inherit name;
      script = "exit 1";
    };

  # `attributes`, if `known` has all of their names. The true functions make variables of those they do not know.
  only =
    what: known: attributes:
    let
      unknown = builtins.attrNames (builtins.removeAttrs attributes known);
    in
    if unknown == [ ] then
      attributes
    else
      throw "${what}: unknown attribute ${builtins.concatStringsSep ", " unknown}";

  # `list`, if its members are packages.
  packages =
    what: list:
    map (
      member:
      if member.type or null == "derivation" then
        member
      else
        throw "${what}: ${builtins.typeOf member} where a package is expected"
    ) list;
}
