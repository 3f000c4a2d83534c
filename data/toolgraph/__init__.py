"""Tasks of tool use out of a graph of tools, executed so that the reference is what happened.

`api` is what a tool is, `library` has simulated ones and `declared` those of a user's file; `graph`
says whose results feed whom, `plans` samples paths, `running` executes them, `wording` puts them
into words and `tasks` makes records.
"""
