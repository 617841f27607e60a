"""The REST API and the web page: the same library, over HTTP."""
