"""What one target does: shares, means and times, with their intervals."""
