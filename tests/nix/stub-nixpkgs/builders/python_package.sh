# Builds the wheel of $src, installs it into $out, and checks requirements and imports.
# The steps and flags are those of nixpkgs' hooks, so that what they expect of our tree is seen to hold.
export HOME=$NIX_BUILD_TOP/home
mkdir "$HOME"
cp -r "$src" source
chmod -R u+w source
cd "$sourceRoot"

case " $hooks " in *" cargoSetup "*)
  diff Cargo.lock "$cargoDeps/Cargo.lock"
esac

mkdir dist
case " $hooks " in
*" maturinBuild "*)
  # What cargo compiles goes to one place for all builds, so that it compiles again only what changed.
  mkdir -p "$cargoTarget/release" "$cargoTarget/$rustTarget" target
  ln -s "$cargoTarget/release" "$cargoTarget/$rustTarget" target/
  maturin build --jobs="$NIX_BUILD_CORES" --frozen --target "$rustTarget" --manylinux off --strip --release \
    $maturinBuildFlags
  mv target/wheels/*.whl dist/
  ;;
*)
  backend=$(sed -n 's/^build-backend = "\(.*\)"$/\1/p' pyproject.toml)
  python -c "import importlib, sys; importlib.import_module(sys.argv[1]).build_wheel('dist')" "$backend"
  ;;
esac

$python -m pip --isolated --quiet --no-cache-dir --disable-pip-version-check install --no-index --no-deps \
  --ignore-installed --no-compile --prefix "$out" dist/*.whl

paths=$out/$sitePackages
for dependency in $dependencies; do paths="$paths $dependency/$sitePackages"; done
$python "$checkInstalled" $paths
for module in $pythonImportsCheck; do
  PYTHONPATH=${paths// /:} $basePython -S -c "import $module"
done
