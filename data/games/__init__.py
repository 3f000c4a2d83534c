"""Built-in data of the small games that are environments: what is hidden, and how one plays."""
