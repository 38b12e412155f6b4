"""Kernels that tell a launcher their ports (JEP 66)."""
