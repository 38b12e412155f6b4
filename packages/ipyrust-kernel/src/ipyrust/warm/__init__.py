"""Warm start: kernels forked from a template process that has imported IPython already.

Opt-in, through the kernelspec that `python -m ipyrust.warm install` writes. How a kernel comes to be:

1. Jupyter starts a kernel of that spec through `provisioner`, which runs in Jupyter's own process.
2. The provisioner names the template that fits (`key`: interpreter, options, environment, modules) and asks it, over a
   Unix socket (`wire`), for a kernel. If there is none it starts the kernel in the ordinary way, and a template for
   the next one.
3. The template (`template`) forks; the child takes over the caller's directory, environment, standard streams and a
   session of its own (`child`) and becomes a kernel like any other.
4. The template, being the parent, tells the provisioner how the kernel ended (`process`).
"""
