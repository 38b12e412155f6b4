# `import nixpkgs { system; overlays; }`: the packages and functions that our flake uses, built with the host's tools.
#
# host.json, which the test writes beside this file, names all of those tools; nothing comes from the environment. A
# name that is not here is an error of evaluation, and so is an attribute that a function does not know.
{
  system,
  overlays ? [ ],
}:
let
  lib = import ./lib.nix;
  host = lib.importJSON ./host.json;
  make = import ./derivations.nix { inherit system host; };
  inherit (make) link only run;

  packages =
    final:
    {
      inherit lib;
      callPackage = lib.callPackageWith final;

      cargo = link "cargo" [ "cargo" ];
      maturin = link "maturin" [ "maturin" ];
      pkg-config = link "pkg-config" [ "pkg-config" ];
      rustc = link "rustc" [ "rustc" ];
      zeromq = run {
        name = "zeromq";
        # What it needs to be linked statically is not installed everywhere.
        script = ''
          mkdir -p $out/lib/pkgconfig
          sed '/^Requires.private/d' $libzmqPc > $out/lib/pkgconfig/libzmq.pc
        '';
        env = { inherit (host) libzmqPc; };
      };

      # Named by the development shell and the formatter, which no test builds.
      clippy = make.unbuilt "clippy";
      nixfmt-tree = make.unbuilt "nixfmt-tree";
      ruff = make.unbuilt "ruff";
      rustfmt = make.unbuilt "rustfmt";

      runCommand = name: env: script: run { inherit name env script; };

      writeShellApplication =
        attributes:
        let
          known = only "writeShellApplication" [ "meta" "name" "text" ] attributes;
        in
        run {
          inherit (known) name;
          script = ''
            mkdir -p $out/bin
            printf '#!%s\nset -euo pipefail\n%s\n' $bash "$text" > $out/bin/$name
            chmod +x $out/bin/$name
            $bash -n $out/bin/$name
          '';
          env = {
            inherit (known) text;
            inherit (host.programs) bash;
          };
          meta = { mainProgram = known.name; } // known.meta or { };
        };

      mkShell =
        attributes:
        let
          known = only "mkShell" [ "env" "inputsFrom" "packages" ] attributes;
        in
        run {
          name = "nix-shell";
          script = "exit 1";
          inputs = make.packages "packages" known.packages ++ make.packages "inputsFrom" known.inputsFrom;
          inherit (known) env;
        };

      jupyter-kernel.create =
        attributes:
        let
          inherit (only "jupyter-kernel.create" [ "definitions" ] attributes) definitions;
        in
        run {
          name = "jupyter-kernels";
          script = builtins.concatStringsSep "\n" (map installKernel (builtins.attrNames definitions));
          env = builtins.mapAttrs (_: kernelJson) definitions;
        };
    }
    // import ./rust.nix { inherit lib make; }
    // import ./python.nix { inherit lib host make; } final;

  installKernel = name: ''
    mkdir -p $out/kernels/${name}
    printf '%s' "''$${name}" > $out/kernels/${name}/kernel.json
  '';
  kernelJson =
    definition:
    let
      known = only "kernel definition" [ "argv" "displayName" "env" "interruptMode" "language" "logo32" "logo64" "metadata" ] definition;
      logos = [ known.logo32 known.logo64 ];
    in
    assert builtins.all builtins.pathExists logos;
    builtins.toJSON (
      builtins.removeAttrs known [ "logo32" "logo64" ]
      // {
        display_name = known.displayName;
        interrupt_mode = known.interruptMode;
      }
    );
in
lib.fix (lib.extend packages overlays)
