"""Jobs: their states, their queue and their folders."""
