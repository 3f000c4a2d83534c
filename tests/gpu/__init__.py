"""What a GPU shows and no CPU can: `tests/gpu/check.sh`, by hand, never part of `make test`."""
