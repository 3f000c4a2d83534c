"""What `plumb sandbox` does beside the service itself."""
