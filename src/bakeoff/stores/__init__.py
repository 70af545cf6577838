"""Where samples are kept, one file each."""
