"""One request, one file: request fields → a call of IPython → the reply's content."""
