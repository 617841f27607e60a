"""The endpoints, one file a resource. They hold no logic: they ask, and put answers into shape."""
