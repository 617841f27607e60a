"""Perceptual hashes: similar pictures have hashes that differ in few bits."""

from __future__ import annotations

from safelight.hashing.dihedral import dihedral
from safelight.hashing.hashes import HASH_VERSION, Hashes, hash_frame, is_hashable
from safelight.hashing.words import mirrored

__all__ = ["HASH_VERSION", "Hashes", "dihedral", "hash_frame", "is_hashable", "mirrored"]
