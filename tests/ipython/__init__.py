"""What IPython promises in a notebook: magics, GUI loops, pdb, the environment, captured output, interrupts."""
