"""Benchmarks: what they print is measured in the same run, on the machine that they run on."""
