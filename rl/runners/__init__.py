"""Episodes in processes of their own: environments and agents there, dispatch and engines here."""
