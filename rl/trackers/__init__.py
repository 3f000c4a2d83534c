"""Trackers: W&B, MLflow and trackio show a run elsewhere, and can neither stop nor slow it.

Each runs in a process of its own, under whatever Python has its package, and reads what the run
writes anyway: metrics.jsonl, the sampled answers, the report. So the queue between the two is the
run's own files: it holds everything, takes no memory, and what a server has missed is sent once it
is back, or later by `plumb track RUN_DIR`. The loop only rings: a byte into a pipe that never
blocks. Modules that such a process imports need nothing but Python's own library, and pyarrow for
samples.
"""
