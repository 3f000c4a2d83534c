"""The commands of `plumb data`, a file each."""
