"""Wire-protocol adapters, one file each."""
