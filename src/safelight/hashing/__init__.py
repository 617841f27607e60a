"""Hashes of pictures: pictures that look alike have hashes that differ in few bits."""
