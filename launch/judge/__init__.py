"""What `plumb judge` does: how far a judge agrees with labels."""
