"""What runs inside a box: the standard library alone, since an image has nothing else.

A box is a container (or bubblewrap's) whose first process is `supervisor.py`. It reads requests
from standard input and answers on standard output. For each of its slots it keeps one `zygote.py`,
a warm Python that has never seen a request; each run is a fork of it, jailed by `jail.py`.
"""
