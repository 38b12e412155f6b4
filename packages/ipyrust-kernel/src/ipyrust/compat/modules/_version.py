"""`ipykernel._version`: the ipykernel whose interface the stand-ins have."""

version_info = (7, 4, 0)
__version__ = "7.4.0"
kernel_protocol_version_info = (5, 3)
kernel_protocol_version = "5.3"
