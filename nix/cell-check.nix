# Runs a cell: Jupyter finds the kernelspec that `jupyter-kernel.create` makes, starts the kernel and asks it.
{
  jupyter-kernel,
  python3,
  runCommand,
}:
let
  client = python3.withPackages (packages: [ packages.jupyter-client ]);
  kernels = jupyter-kernel.create {
    definitions.ipyrust = python3.pkgs.ipyrust-kernel.definition;
  };
in
runCommand "ipyrust-cell"
  {
    JUPYTER_PATH = kernels;
    __darwinAllowLocalNetworking = true;
  }
  ''
    export HOME=$TMPDIR
    ${client.interpreter} ${./run_cell.py} > $out
  ''
