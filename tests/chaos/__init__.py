"""Runs under which processes die, one after the other, and that have to learn all the same."""
