"""What measures samples, one file each."""
