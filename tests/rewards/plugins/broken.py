"""A plugin that does not import."""

VALUE = 1 / 0
