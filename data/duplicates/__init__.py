"""Duplicates over all parts of a data set: exact ones, near ones, and ones that contradict.

Three steps; each result depends on the rows and their order alone, whatever the number of processes
and however often it was killed and run again:

    sign_part(part: Path, out: Path) -> None        # data.duplicates.signatures
        One `part_%06d.parquet` of records to one file of signatures, which appears when it is
        whole. Pure, one part at a time: on a process pool, without those whose file is there.
    join(signatures: Sequence[Path], scratch: Path, settings: Settings) -> Joined
        # data.duplicates.join
        All signature files, in the order of their parts, to one `Verdicts` a part. Once, in one
        process. `scratch` is a folder for memory maps; it is removed at the end.
        `Joined.verdicts[i]` are those of `signatures[i]`, `Joined.clusters` the sizes of clusters
        for the manifest, `Joined.counts` rows by reason.
    apply_verdicts(records: Sequence[Record], verdicts: Verdicts) -> Outcome
        # data.duplicates.verdicts
        A part's records, in order, are kept, dropped ("exact duplicate", "near duplicate") or put
        up for review ("same question, different references"). Of a cluster the first in the order
        of the input is kept: the source trusted most goes first. Its metadata say how many it
        stands for, as `near_duplicates`.
"""
