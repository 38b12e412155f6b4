# `python3` with its packages: distributions of the host's Python, each with what it requires, and those of overlays.
{
  lib,
  host,
  make,
}:
final:
let
  inherit (make) only run;
  distributions = [
    "comm"
    "debugpy"
    "hatchling"
    "ipython"
    "jupyter-client"
    "matplotlib-inline"
    "traitlets"
  ];

  hostDistribution =
    name:
    run {
      inherit name;
      script = "$python $linkDistribution $name $out/$sitePackages";
      env = {
        # Made anew when any of them changes.
        installed = builtins.toJSON host.distributions;
        linkDistribution = ./builders/link_distribution.py;
        inherit (host) python sitePackages;
      };
      passthru.dependencies = [ ];
    };

  closureOf = packages: builtins.concatMap (package: [ package ] ++ closureOf package.dependencies) packages;

  # A virtual environment that sees `packages`, what they depend on, and nothing else.
  environmentOf =
    packages:
    run rec {
      name = "python3-env";
      script = builtins.readFile ./builders/environment.sh;
      env = {
        closure = closureOf (make.packages "withPackages" packages);
        inherit (host) basePython sitePackages;
      };
      passthru.sitePackages = host.sitePackages;
    };
  withInterpreter = environment: environment // { interpreter = "${environment}/bin/python"; };
  withPackages = choose: withInterpreter (environmentOf (choose final.python3Packages));

  pythonPackages =
    scope:
    lib.genAttrs distributions hostDistribution
    // {
      inherit buildPythonPackage;
      python = final.python3;
      callPackage = lib.callPackageWith (final // scope);
    };

  buildPythonPackage =
    attributes:
    let
      known = only "buildPythonPackage" [
        "build-system"
        "buildInputs"
        "cargoDeps"
        "dependencies"
        "env"
        "maturinBuildFlags"
        "meta"
        "nativeBuildInputs"
        "optional-dependencies"
        "passthru"
        "pname"
        "pyproject"
        "pythonImportsCheck"
        "sourceRoot"
        "src"
        "version"
      ] attributes;
      list = name: make.packages name (known.${name} or [ ]);
      hooks = builtins.filter (tool: tool ? hook) (list "build-system");
      backends = builtins.filter (tool: !(tool ? hook)) (list "build-system");
      optional = builtins.mapAttrs (_: make.packages "optional-dependencies") (known.optional-dependencies or { });
      libraries = list "buildInputs";
    in
    assert known.pyproject;
    assert builtins.deepSeq (map toString (builtins.concatLists (builtins.attrValues optional))) true;
    run {
      name = "python3-${known.pname}-${known.version}";
      script = builtins.readFile ./builders/python_package.sh;
      inputs = [ (environmentOf backends) ] ++ list "nativeBuildInputs" ++ hooks;
      env = {
        inherit (known) src;
        sourceRoot = known.sourceRoot or "source";
        hooks = map (tool: tool.hook) hooks;
        cargoDeps = known.cargoDeps or "";
        maturinBuildFlags = known.maturinBuildFlags or [ ];
        PKG_CONFIG_LIBDIR = builtins.concatStringsSep ":" (map (library: "${library}/lib/pkgconfig") libraries);
        pythonImportsCheck = known.pythonImportsCheck or [ ];
        dependencies = closureOf (list "dependencies");
        checkInstalled = ./builders/check_installed.py;
        inherit (host) basePython cargoTarget python rustTarget sitePackages;
      }
      // host.cargo
      // known.env or { };
      passthru = {
        dependencies = list "dependencies";
      }
      // known.passthru or { };
      inherit (known) meta;
    };
in
{
  pythonPackagesExtensions = [ ];
  python3 = withInterpreter (environmentOf [ ]) // {
    inherit withPackages;
    pkgs = final.python3Packages;
  };
  python3Packages = lib.fix (lib.extend pythonPackages final.pythonPackagesExtensions);
}
