"""Verifiers as reward functions of other trainers: OpenRLHF, TRL and verl.

Each module has one factory, `reward("math")`, whose result is what that trainer calls. Guarantees:
importing one loads nothing of the trainer; a verifier that does not exist is an error of the
factory, not of the first step; the result may be pickled, and called from threads and from forked
processes.
"""
