"""What starts and stops model servers, one file each."""
