"""The version of ipyrust-kernel. It must equal the one in ipyrust-core's Cargo.toml; a test compares them."""

__version__ = "0.1.0"
