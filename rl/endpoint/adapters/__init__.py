"""Programs that run where another library is installed, and Plumb is not."""
