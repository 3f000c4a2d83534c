"""Public data sets as records: one small file for each format, recognised by what its rows have."""
