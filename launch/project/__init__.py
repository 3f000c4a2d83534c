"""`plumb init`: a folder for a task of one's own."""
