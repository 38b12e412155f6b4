"""How costs grow: each curve drives one kernel to larger and larger sizes and measures the same thing at each."""
