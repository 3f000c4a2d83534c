"""Curation of a data set: pure stages over fixed blocks, with output that is the same each time."""
