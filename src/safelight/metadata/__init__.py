"""Metadata of photos: EXIF, IPTC and XMP, read and written."""
