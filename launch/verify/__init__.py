"""Grading files of answers."""
