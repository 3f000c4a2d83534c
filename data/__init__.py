"""Prompts: what they are, where they come from, how they are split and ordered.

Importing anything here is cheap: no torch, Ray, vLLM or transformers, and no parquet reader until
a parquet file is opened.
"""
