"""One module for each part of the messaging specification."""
