"""State of a server that the library keeps: jobs, tokens, clients' vectors."""
