"""Where several models agree: which answer they share, and which questions go to a person."""
