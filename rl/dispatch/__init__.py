"""Which prompts are in flight, and which groups form the next batch. Plain asyncio."""
