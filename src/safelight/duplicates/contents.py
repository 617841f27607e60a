"""What a file holds, told by its sha256."""

from safelight.files import sha256_of

__all__ = ["sha256_of"]
