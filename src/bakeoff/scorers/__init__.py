"""What grades one answer, one file each."""
