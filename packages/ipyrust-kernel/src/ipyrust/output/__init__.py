"""What user code writes and reads, and the cell it belongs to: parent_lookup, threads, stream, stdin."""
