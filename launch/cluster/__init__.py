"""Runs on a cluster: what a job takes along, jobs by Ray's job service, manifests of clusters."""
