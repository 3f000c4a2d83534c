"""Guards: measurements that warn or stop a run by thresholds; section `guards` of its config."""
