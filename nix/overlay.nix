# Adds `ipyrust`, and `ipyrust-core` and `ipyrust-kernel` to the packages of every Python.
final: prev: {
  pythonPackagesExtensions = prev.pythonPackagesExtensions ++ [
    (pythonFinal: _: {
      ipyrust-core = pythonFinal.callPackage ./ipyrust-core.nix { };
      ipyrust-kernel = pythonFinal.callPackage ./ipyrust-kernel.nix { };
    })
  ];
  ipyrust = final.callPackage ./ipyrust.nix { };
}
