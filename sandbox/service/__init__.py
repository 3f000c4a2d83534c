"""The sandbox over HTTP: what a server is made of, and the client of one or several."""
