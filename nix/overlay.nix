# Adds `ipyrust`, and `ipyrust-core`, `ipyrust-kernel` and `ipyrust-launcher` to the packages of every Python.
final: prev: {
  pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
    (pythonFinal: _: {
      ipyrust-core = pythonFinal.callPackage ./ipyrust-core.nix { };
      ipyrust-kernel = pythonFinal.callPackage ./ipyrust-kernel.nix { };
      ipyrust-launcher = pythonFinal.callPackage ./ipyrust-launcher.nix { };
    })
  ];
  ipyrust = final.callPackage ./ipyrust.nix { };
}
