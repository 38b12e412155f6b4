"""The IPython side: the shell, what it displays and how it is set up."""
