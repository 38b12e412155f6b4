# A virtual environment in $out with links to everything in $closure.
$basePython -m venv --without-pip --symlinks $out
for package in $closure; do
  for directory in $sitePackages bin share/jupyter/kernels; do
    mkdir -p $out/$directory
    for entry in $package/$directory/*; do
      if [ -e "$entry" ]; then ln -sfn "$entry" $out/$directory/; fi
    done
  done
done
