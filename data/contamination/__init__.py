"""Overlap with evaluation sets: no row that is trained on repeats a row that is evaluated on.

Two steps:

    build_index(sets: Sequence[EvaluationSet], path: Path) -> str
        # data.contamination.building
        The grams of the evaluation sets as one file, and its sha256. Once, before the pool starts.
        `EvaluationSet.parse("NAME=FILE")` reads what `--against` takes.
    Contamination(index=str(path), sha256=...)                      # data.contamination.stage
        A stage as any other: pure, block by block, the index is read once a process. Dropped with
        the reason "in <evaluation set>", and as detail the row that was hit and the gram.
"""
