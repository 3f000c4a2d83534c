"""For every test: hypothesis has no deadline, as a test shares its cores with Ray and vLLM."""

from hypothesis import settings

settings.register_profile("plumb", deadline=None)
settings.load_profile("plumb")
