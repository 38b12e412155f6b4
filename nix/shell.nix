# `nix develop`: what `./run` needs to build and test. Libraries for Python come from pixi.toml, by way of `./run`.
{
  cargo,
  clippy,
  maturin,
  mkShell,
  python3,
  rustc,
  rustfmt,
  ruff,
}:
mkShell {
  inputsFrom = [
    python3.pkgs.ipyrust-core
    python3.pkgs.ipyrust-kernel
  ];
  packages = [
    cargo
    clippy
    maturin
    python3
    ruff
    rustc
    rustfmt
  ];
  env.IPYRUST_LIBZMQ = "system";
}
