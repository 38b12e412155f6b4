"""What of other people's work is in our wheels: a notice with every licence, and a bill of materials.

Reading order: `__main__` → `crates` → `c_libraries` → `notices`, `sbom`. Standard library and cargo only.
"""
