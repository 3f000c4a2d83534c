"""Programs as answers: reading one out of a response, and judging it by tests in a sandbox."""
