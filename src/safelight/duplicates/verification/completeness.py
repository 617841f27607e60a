"""Compare the contents of two files beside their first pictures: frames, films, depth.

Frames, pages, films, transparency and depth belong to a photo. Two that differ in them are not the
same picture, however alike their first ones are; and no file is proposed to go for one that lacks
what it has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.verification.alignment import MIN_SIDE
from safelight.errors import DecodeError
from safelight.hashing.dihedral import DIHEDRAL, applied
from safelight.imaging import decode, read_photo
from safelight.imaging.containers.structure import read_structure
from safelight.imaging.sequences import same_at_depth, sequence_digest
from safelight.types import FURTHER_PICTURES, Structure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from safelight.duplicates.model import Edge
    from safelight.duplicates.photo_features import Look, PhotoFeatures
    from safelight.library.photo_facts import PhotoFacts

Evidence = dict[str, float | int | str | bool]
Found = tuple[Relation, Evidence] | None

#: Two that differ in one of these are two photos: a still with another film is another moment.
_OF_ITS_OWN = frozenset({"film", "sound", "archive", "layers", "picture"})

#: Opacity lies on opacity in some other way.
_TURNED = frozenset({Relation.ROTATED, Relation.MIRRORED})

#: Nothing was scaled: pixel by pixel one is the other.
_EVERY_PIXEL = frozenset({Relation.SAME_PIXELS, Relation.RE_ENCODED}) | _TURNED

#: Formats of more than 8 bits a channel that lose nothing.
_LOSSLESS = frozenset({"PNG", "TIFF"})

#: Levels between the darkest and the lightest: a picture with no more shows nothing, and that two
#: show nothing does not make them one.
_FLAT = 3

#: Signs of frequencies, of 256, that a hash of some structure has at least.
_FEWEST_SIGNS = 4

#: Whether a photo is transparent is seen at any size.
_GLANCE_SIDE = 64

#: Opacities of two packings of one picture differ by less: levels on the average, and the share of
#: pixels that differ clearly.
_SAME_OPACITY, _CLEARLY, _CLEAR_SHARE = 2.0, 32, 0.002


def weigh(found: Found, a: PhotoFeatures, b: PhotoFeatures, look: Look) -> Found:
    """Return a relation that all of two files bears out, not only their first pictures.

    Parameters
    ----------
    found : (Relation, evidence) or None
        What their first pictures, at 8 bits, are to each other.
    """
    if found is None or found[0] not in STRICT:
        return found
    try:
        return _weighed(*found, a, b, look)
    except (DecodeError, OSError):
        # Their structures alone tell enough to say no, but not enough to say yes.
        known = (a.structure or Structure(), b.structure or Structure())
        return None if _differ(*known) or _is_unseen_and_flat(found[1], a, b) else found


def _weighed(
    relation: Relation, told: Evidence, a: PhotoFeatures, b: PhotoFeatures, look: Look
) -> Found:
    if relation is Relation.SAME_PIXELS and _is_flat(look(a, MIN_SIDE).pixels):
        return None
    first, second = (look(each, MIN_SIDE).structure for each in (a, b))
    frames = _frames(a, b, first, second, look)
    if frames == "differ" or _own_parts_differ(first, second):
        return None
    if frames is not None:
        told = told | {"frames": frames}
        relation = relation if frames == "equal" else Relation.EDITED
    if (first.alpha or second.alpha) and not _same_opacity(relation, a, b, look):
        return Relation.EDITED, told | {"opacity": "differs"}
    depths = first.depth, second.depth
    if relation in _EVERY_PIXEL and max(depths) > 8:
        if depths[0] != depths[1]:
            if relation is Relation.SAME_PIXELS:
                relation = Relation.RE_ENCODED
            return relation, told | {"depths": f"{depths[0]}, {depths[1]}"}
        # What was never compressed with a loss has no reason to differ in its finest tones.
        exact = relation is Relation.SAME_PIXELS or {a.format, b.format} <= _LOSSLESS
        turned = relation in _TURNED
        if exact and not same_at_depth(_read(a, look), _read(b, look), turned=turned):
            return Relation.EDITED, told | {"within_depth": depths[0]}
    return relation, told


def held_only_by(
    other: Structure, keeper: Structure, evidence: Mapping[str, object]
) -> tuple[str, ...]:
    """Return the contents of a photo's file that the kept one lacks, in words.

    Parameters
    ----------
    evidence : mapping
        Of the edge between the two.
    """
    own = {(part.kind, part.digest) for part in keeper.parts}
    equal = evidence.get("frames") == "equal"
    held = [
        part
        for part in other.parts
        if (part.kind, part.digest) not in own and not (equal and part.kind in FURTHER_PICTURES)
    ]
    told = [part.named() for part in held]
    if other.depth > keeper.depth:
        told.append(f"{other.depth} bits a channel")
    if other.alpha and not keeper.alpha:
        told.append("transparency")
    if evidence.get("within_depth"):
        told.append(f"other tones within {other.depth} bits")
    if evidence.get("stretched"):
        told.append("other proportions")
    if evidence.get("opacity") and other.alpha and keeper.alpha:
        told.append("another transparency")
    return tuple(told)


def fuller_first(ranked: Sequence[PhotoFacts], edges: Iterable[Edge]) -> list[PhotoFacts]:
    """Return photos, first one that has all pixels of the first, and more around them."""
    best = ranked[0]
    same = {
        edge.b if edge.a == best.id else edge.a: edge.evidence
        for edge in edges
        if edge.relation is Relation.SAME_PIXELS and best.id in (edge.a, edge.b)
    }
    own = best.structure or Structure()
    for photo in ranked[1:]:
        theirs = photo.structure or Structure()
        evidence = same.get(photo.id)
        if evidence is None or held_only_by(own, theirs, evidence):
            continue
        if held_only_by(theirs, own, evidence):
            return [photo, *(each for each in ranked if each is not photo)]
    return list(ranked)


def why_it_is_fuller(
    photo: PhotoFacts, best: PhotoFacts, name: str, edges: Iterable[Edge]
) -> tuple[str, ...]:
    """Return what a photo's file holds, as a reason for its staying; nothing if there is none.

    Parameters
    ----------
    name : str
        Of the file that is kept.
    """
    structure = photo.structure or Structure()
    if photo is best:
        held = [part.named() for part in structure.parts]
        return (f"holds {', '.join(held)}",) if held else ()
    both = {photo.id, best.id}
    evidence = next((each.evidence for each in edges if {each.a, each.b} == both), {})
    lacking = held_only_by(structure, best.structure or Structure(), evidence)
    return (f"has what {name} lacks: {', '.join(lacking)}; stays in any case",) if lacking else ()


def structure_at(path: str, known: Structure | None) -> Structure:
    """Return the structure of a file; read now if the library does not know it.

    Raises
    ------
    OSError
        It cannot be read.
    """
    if known is not None:
        return known
    data = b""
    try:
        data = read_photo(path)
        return decode(data, min_side=_GLANCE_SIDE).structure
    except DecodeError:  # of what cannot be decoded, all but its transparency can be told
        return read_structure(data)


def _is_flat(pixels: npt.NDArray[np.uint8]) -> bool:
    """Tell whether there is hardly anything to see: blocks without texture agree with none."""
    return int((pixels.max(axis=(0, 1)) - pixels.min(axis=(0, 1))).max()) <= _FLAT


def _is_unseen_and_flat(told: Evidence, a: PhotoFeatures, b: PhotoFeatures) -> bool:
    return bool(told.get("unchecked")) and any(
        each.dct256 is not None and int(np.bitwise_count(each.dct256).sum()) < _FEWEST_SIGNS
        for each in (a, b)
    )


def _read(seen: PhotoFeatures, look: Look) -> bytes:
    """Return the bytes of a photo's file; none where it is opened in a way that does not say."""
    read = getattr(look, "read", None)
    return b"" if read is None else read(seen)


def _further(structure: Structure) -> dict[str, tuple[int, str]]:
    return {
        part.kind: (part.count, part.digest)
        for part in structure.parts
        if part.kind in FURTHER_PICTURES
    }


def _frames(
    a: PhotoFeatures, b: PhotoFeatures, of_a: Structure, of_b: Structure, look: Look
) -> str | None:
    """Compare further pictures: ``equal``, ``differ``, ``in one only``; None if there are none."""
    first, second = _further(of_a), _further(of_b)
    if not first and not second:
        return None
    if not first or not second:
        return "in one only"
    if first == second:
        return "equal"
    counts = [{kind: count for kind, (count, _) in each.items()} for each in (first, second)]
    if counts[0] != counts[1]:
        return "differ"
    digest = sequence_digest(_read(a, look))
    return "equal" if digest and digest == sequence_digest(_read(b, look)) else "differ"


def _own_parts_differ(a: Structure, b: Structure) -> bool:
    of_a, of_b = (
        {part.kind: part.digest for part in each.parts if part.kind in _OF_ITS_OWN}
        for each in (a, b)
    )
    return any(of_a[kind] != of_b[kind] for kind in of_a.keys() & of_b.keys())


def _differ(a: Structure, b: Structure) -> bool:
    return (
        _further(a) != _further(b)
        or _own_parts_differ(a, b)
        or (a.depth, a.alpha) != (b.depth, b.alpha)
    )


def _same_opacity(relation: Relation, a: PhotoFeatures, b: PhotoFeatures, look: Look) -> bool:
    if relation is Relation.SAME_PIXELS:
        first, second = look(a, None).alpha, look(b, None).alpha
        if first is None or second is None:
            return first is second
        return bool(np.array_equal(first, second))
    first, second = look(a, MIN_SIDE).alpha, look(b, MIN_SIDE).alpha
    if first is None or second is None:
        return first is second
    if relation is Relation.CROPPED:
        return True  # which part of one lies on the other is not known here
    ways = DIHEDRAL if relation in _TURNED else DIHEDRAL[:1]
    return any(_is_near(first, applied(second, way)) for way in ways)


def _is_near(first: npt.NDArray[np.uint8], second: npt.NDArray[np.uint8]) -> bool:
    size = min(first.shape[1], second.shape[1]), min(first.shape[0], second.shape[0])
    off = np.abs(_at_size(first, size) - _at_size(second, size))
    return bool(off.mean() <= _SAME_OPACITY and (off > _CLEARLY).mean() <= _CLEAR_SHARE)


def _at_size(alpha: npt.NDArray[np.uint8], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    import cv2

    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
