"""Pages of commands: one HTML file each, light and dark."""
