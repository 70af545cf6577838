"""What a plan can and cannot show, before it is paid for."""
