"""One parser a format; `rewards.tools.parse` has the table of them."""
