"""Queries by their meaning: embeddings, clusters to balance by, and duplicates in other words."""
