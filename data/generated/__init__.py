"""Tests that language models write for programming problems, and which of them are believed."""
