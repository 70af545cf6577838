"""What clients of other services speak; each dialect is a thin layer over jobs."""
