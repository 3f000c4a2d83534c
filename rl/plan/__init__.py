"""What a run will take before it is started: memory, time and GPU-hours, from settings alone."""
