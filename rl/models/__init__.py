"""Models on disk: read tensor by tensor, averaged, and written."""
