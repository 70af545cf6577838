"""SVG charts as pure functions, one file each."""
