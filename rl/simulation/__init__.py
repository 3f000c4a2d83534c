"""The loop in virtual time: the real dispatcher over simulated engines, learner and answers."""
