"""safelight: one index over your photos."""

__version__ = "0.1.0"
