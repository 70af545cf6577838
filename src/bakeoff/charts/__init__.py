"""SVG charts as pure functions, one file each; the same string stands in HTML and in a file of its own."""
