"""Duplicates over all parts of a data set: exact ones, near ones, and ones that contradict.

Three functions, to be called in this order; each result depends on the rows alone, whatever the
number of processes and however often it was killed and run again:

    sign_part(part: Path, out: Path) -> None        # data.duplicates.signatures
        One `part_%06d.parquet` of records to one file of signatures, which appears when it is
        whole. Pure, one part at a time: run it on the process pool, skip files that are there.
    join(signatures: Sequence[Path], scratch: Path, settings: Settings) -> Joined
        # data.duplicates.join
        All signature files, in the order of their parts, to one `Verdicts` a part. Once, in one
        process. `scratch` is a folder for memory maps; it is emptied at the end.
        `Joined.verdicts[i]` are those of `signatures[i]`, `Joined.clusters` the sizes of clusters
        for the manifest, `Joined.counts` rows by reason.
    apply_verdicts(records: Sequence[Record], verdicts: Verdicts) -> Outcome
        # data.duplicates.verdicts
        A part's records, in order, to what is kept, dropped ("exact duplicate", "near duplicate")
        and put up for review ("same question, different references"). `Verdicts` can be pickled
        and are small, so that this may run on the pool too. The row kept of a cluster is the
        first in the order of the input: the source trusted most goes first. Its metadata say
        how many it stands for, as `near_duplicates`.
"""
