"""Pictures that the server sends: thumbnails, focus maps."""
