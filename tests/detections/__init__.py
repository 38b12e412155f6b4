"""What libraries look for to know that they are in a notebook, asked by the libraries themselves."""
