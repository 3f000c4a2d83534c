"""The loop in virtual time: real ledger, pacing and dispatcher; engines and learner simulated."""
