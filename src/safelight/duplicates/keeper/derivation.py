"""Derivations: which photo of a group was made from which other, how, and on what evidence.

Criteria, explanations, reports and plans all ask this record. Its evidence is of two kinds.
*Pixels* show that a picture was enlarged, saved again or has lost its colours; for that files are
opened, and what was read is kept for exactly those bytes. *Facts* (a camera's data, sizes, names,
folders, times) say which of two pictures is likelier the edit of the other, where pixels do not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from safelight.duplicates.clustering.group_relations import parts as components
from safelight.duplicates.keeper.families import edits, has_camera, parts
from safelight.duplicates.keeper.filenames import is_made_name
from safelight.duplicates.keeper.losses import losses
from safelight.duplicates.keeper.photo_bytes import ProvenBytes
from safelight.duplicates.keeper.picture_data import (
    PictureData,
    jpeg_settings,
    jpeg_tables,
    picture_data,
)
from safelight.duplicates.keeper.traces import (
    LEAST_RATIO,
    carries_steps,
    is_enlarged,
    is_softened,
    middle_frequencies,
)
from safelight.duplicates.model import STRICT, Relation
from safelight.duplicates.verification.recompression import (
    WIDE_SIDE,
    Saved,
    lossless_middle,
    made_from,
    saved,
    saved_from,
)
from safelight.errors import DecodeError
from safelight.imaging import DEFAULT_MAX_PIXELS, decode
from safelight.library.attributes.derivations import read_derivations, write_derivations
from safelight.quality.files import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from safelight.duplicates.model import Group
    from safelight.library.database import Database
    from safelight.library.photo_facts import PhotoFacts

#: Changes whenever the same photos would give another answer.
VERSION = "8"

# Of what was looked at, so many are written at once.
_AT_ONCE = 16

# Relations within which pixels can tell which photo was made from which.
_SAME_VIEW = frozenset({Relation.SAME_PIXELS, Relation.RE_ENCODED, Relation.RESIZED})
_TURNED_VIEW = _SAME_VIEW | {Relation.ROTATED, Relation.MIRRORED}

# Relation of pictures of which one may be the other, made small and large again. Of what was
# edited the sharper one may have been given its dots or its grain.
_SOFTENED = frozenset({Relation.RE_ENCODED})

_CAMERA_FORMATS = frozenset({"JPEG", "HEIF", "RAW", "TIFF"})
_LOSSLESS = frozenset({"PNG", "TIFF", "BMP"})

# In larger groups a JPEG is compared with those alone that were made from none so far, and with
# few of them: the time must not grow with the square of the copies.
_ALL_PAIRS, _FEW_ROOTS = 12, 3

# Of more photos in a group, those are looked at that may be kept or be what these were made from:
# looking took 0.33 s of processor time a photo of 12 megapixels (bench/copies.py, 2026-11-27).
_LOOKED_AT = 24


@dataclass(frozen=True, slots=True)
class Derivation:
    """A photo that was made from another.

    Attributes
    ----------
    parent : str or None
        Photo id; None if only the loss shows, and not of what.
    child : str
        Photo id.
    how : str
        ``enlarged``, ``saved-again``, ``grey``, ``few-colours``, ``for-print``, ``cropped``,
        ``framed`` or ``edited``.
    evidence : mapping
        What shows it, JSON-ready: ``by`` is ``pixels``, ``place`` (one shows a part of the other),
        or the fact that decided.
    digests : tuple of str
        The sha256 of the bytes that were read for it; none if facts alone told.
    """

    parent: str | None
    child: str
    how: str
    evidence: Mapping[str, float | int | str | bool] = field(default_factory=dict, hash=False)
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lineage:
    """Derivations of the photos of groups.

    Attributes
    ----------
    derivations : mapping
        By the child's id.
    pictures : mapping
        By photo id, of those whose bytes were read.
    """

    derivations: Mapping[str, Derivation] = field(default_factory=dict)
    pictures: Mapping[str, PictureData] = field(default_factory=dict)

    def ancestors(self, photo_id: str) -> Iterator[str]:
        """Yield the ancestors of a photo, the nearest first."""
        seen = {photo_id}
        while (made := self.derivations.get(photo_id)) and made.parent and made.parent not in seen:
            photo_id = made.parent
            seen.add(photo_id)
            yield photo_id


def lineage_of(
    library: Database,
    groups: Sequence[Group],
    facts: Mapping[str, PhotoFacts],
    *,
    look: bool = True,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Lineage:
    """Return the lineage of photos of groups; what files tell is read once and kept.

    Parameters
    ----------
    library : Database
    groups : sequence of Group
    facts : mapping
        Of their photos, by id.
    look : bool
        Open files; without, facts alone tell.
    pixel_limit : int
        A photo with more is not opened.
    threads : int, optional
        One a processor core if not given.
    progress : callable
        Called with the number of groups looked at, and that of those to be.
    """
    strict = [each for each in groups if each.relation in STRICT and len(each.photos) > 1]
    opened = strict + [each for each in groups if each.relation is Relation.BURST]
    whole = {each.id: each for each in opened if facts.keys() >= {*each.photos}}
    read = _read(library, whole, facts, pixel_limit, threads, progress) if look else {}
    derivations: dict[str, Derivation] = {}
    pictures: dict[str, PictureData] = {}
    for name, told in read.items():
        pictures |= {photo: PictureData.from_list(row) for photo, row in told["pictures"].items()}
        if whole[name].relation in STRICT:
            for row in told["derivations"]:
                parent, child, how, evidence, digests = row
                derivations[child] = Derivation(parent, child, how, evidence, tuple(digests))
    for group in strict:
        present = [facts[photo] for photo in group.photos if photo in facts]
        add_facts(derivations, present, group, pictures)
    return Lineage(derivations, pictures)


def lineage_by_facts(group: Group, photos: Sequence[PhotoFacts]) -> Lineage:
    """Return the derivations of a group that show without opening a file."""
    derivations: dict[str, Derivation] = {}
    add_facts(derivations, photos, group, {})
    return Lineage(derivations)


def add_facts(
    derivations: dict[str, Derivation],
    photos: Sequence[PhotoFacts],
    group: Group,
    pictures: Mapping[str, PictureData],
) -> None:
    """Add what the edges of a group and the facts of its photos say, where pixels said nothing."""
    lost = {child for child, made in derivations.items() if made.how in ("grey", "few-colours")}
    for parent, child, how in parts(photos, group.edges):
        if child not in lost:
            _add(derivations, Derivation(parent, child, how, {"by": "place"}))
    made = {photo.id: derivations[photo.id].parent for photo in photos if photo.id in derivations}
    for parent, child, fact in edits(photos, group, made, pictures):
        _add(derivations, Derivation(parent, child, "edited", {"by": fact}))


def _add(derivations: dict[str, Derivation], made: Derivation) -> None:
    """Add a derivation unless the child has one, or the parent comes from the child."""
    if made.child in derivations:
        return
    if made.parent is not None:
        above = {made.parent, *Lineage(derivations).ancestors(made.parent)}
        if made.child in above:
            return
    derivations[made.child] = made


def _read(
    library: Database,
    groups: Mapping[str, Group],
    facts: Mapping[str, PhotoFacts],
    pixel_limit: int,
    threads: int | None,
    progress: Callable[[int, int], None],
) -> dict[str, dict[str, Any]]:
    """Return the derivations of groups, read now or before, by group id."""
    known = read_derivations(library, VERSION, groups)
    wanted = [name for name in groups if name not in known]

    def look(name: str) -> tuple[dict[str, Any], bool]:
        read = ProvenBytes()
        group = groups[name]
        photos = [facts[photo] for photo in group.photos]
        found = [] if group.relation is Relation.BURST else derive(group, photos, read, pixel_limit)
        told = {
            "derivations": [
                [each.parent, each.child, each.how, dict(each.evidence), list(each.digests)]
                for each in found
            ],
            "pictures": {
                photo.id: picture_data(data, photo.format).to_list()
                for photo in photos
                if (data := read(photo)) is not None
            },
        }
        return told, not read.missing

    looked = in_order(look, wanted, threads)
    waiting: dict[str, dict[str, Any]] = {}
    try:
        for number, (name, (told, is_whole)) in enumerate(
            zip(wanted, looked, strict=True), start=1
        ):
            progress(number, len(wanted))
            known[name] = told
            # What cannot be read now may be there the next time.
            if is_whole:
                waiting[name] = told
            if len(waiting) >= _AT_ONCE:
                write_derivations(library, VERSION, waiting)
                waiting = {}
    finally:
        looked.close()
        write_derivations(library, VERSION, waiting)
    return known


def derive(
    group: Group,
    photos: Sequence[PhotoFacts],
    read: ProvenBytes,
    pixel_limit: int = DEFAULT_MAX_PIXELS,
) -> list[Derivation]:
    """Return the derivations that the pixels of a group's photos show.

    Nothing is said about a photo of which no file has its bytes, nor where there is no trace.
    """
    if len(photos) <= _LOOKED_AT:
        return list(_derived(group, photos, read, pixel_limit).values())
    worth = sorted(photos, key=_worth, reverse=True)
    samples = _one_of_each_kind(photos, read)
    count = _ALL_PAIRS
    while True:
        best = worth[:count]
        chosen = list({photo.id: photo for photo in (*samples, *best)}.values())
        found = _derived(group, chosen, read, pixel_limit)
        # If all of the best were made from others, so may those be that come next.
        if len(best) == len(photos) or any(photo.id not in found for photo in best):
            return list(found.values())
        count *= 2


def _worth(photo: PhotoFacts) -> tuple[int, int]:
    return photo.pixels, photo.size


def _one_of_each_kind(photos: Sequence[PhotoFacts], read: ProvenBytes) -> list[PhotoFacts]:
    """Return the first photo of each format, size, camera and JPEG settings, up to a number."""
    kinds: dict[Hashable, PhotoFacts] = {}
    for photo in photos:
        if len(kinds) == _ALL_PAIRS:
            break
        saved_by = jpeg_settings(read(photo) or b"") if photo.format == "JPEG" else None
        camera = photo.exif.get("camera_make"), photo.exif.get("camera_model")
        kinds.setdefault((photo.format, photo.width, photo.height, camera, saved_by), photo)
    return list(kinds.values())


def _derived(
    group: Group, photos: Sequence[PhotoFacts], read: ProvenBytes, pixel_limit: int
) -> dict[str, Derivation]:
    found: dict[str, Derivation] = {}
    for ids in components(group.edges, _TURNED_VIEW):
        _saved_with_loss(found, [each for each in photos if each.id in ids], read, pixel_limit)
    # A drawing has few colours to begin with: what it was saved as shows that it was there first.
    proven = {made.parent for made in found.values()} | found.keys()
    lost = losses(photos, read, max_pixels=pixel_limit)
    lost = {photo: how for photo, how in lost.items() if photo not in proven}
    sound = [photo for photo in photos if photo.id not in lost]
    source = max(sound, key=lambda photo: photo.pixels, default=None)
    for child, how in lost.items():
        parent = source.id if source else None
        digests = (child,) if parent is None else (parent, child)
        _add(found, Derivation(parent, child, how, {"by": "pixels"}, digests))
    for ids in components(group.edges, _TURNED_VIEW):
        _saved_again(found, [each for each in photos if each.id in ids], read, pixel_limit)
    for ids in components(group.edges, _SAME_VIEW):
        _of_one_view(found, [each for each in photos if each.id in ids], read, pixel_limit)
    _softened(found, group, photos, read, pixel_limit)
    return found


def _saved_with_loss(
    found: dict[str, Derivation],
    photos: Sequence[PhotoFacts],
    read: ProvenBytes,
    pixel_limit: int,
) -> None:
    """Save pictures without loss as JPEGs of their size were: what comes out equal was made so."""
    jpegs = [each for each in photos if each.format == "JPEG" and each.id not in found]
    whole = [each for each in photos if each.format in _LOSSLESS and each.id not in found]
    for parent in whole[:_FEW_ROOTS]:
        sides = {parent.width, parent.height}
        alike = [each for each in jpegs if {each.width, each.height} == sides]
        data = read(parent) if alike else None
        if data is None:
            continue
        try:
            middle = lossless_middle(decode(data, max_pixels=pixel_limit).pixels)
        except DecodeError:
            continue
        if middle is None:
            continue
        for child in alike:
            if (
                child.id in found
                or (part := saved(read(child) or b"", pixel_limit, side=WIDE_SIDE)) is None
            ):
                continue
            share = saved_from(part, middle)
            if share is not None:
                evidence: dict[str, float | int | str | bool] = {
                    "by": "pixels",
                    "equal_blocks": share,
                }
                ids = (parent.id, child.id)
                _add(found, Derivation(*ids, "saved-again", evidence, ids))


def _saved_again(
    found: dict[str, Derivation],
    photos: Sequence[PhotoFacts],
    read: ProvenBytes,
    pixel_limit: int,
) -> None:
    """Compare the JPEGs of one picture and size with each other, saved as the other was."""
    jpegs: dict[tuple[int, ...], list[PhotoFacts]] = {}
    for photo in photos:
        if photo.format == "JPEG" and photo.pixels and photo.id not in found:
            sides = tuple(sorted((photo.width or 0, photo.height or 0)))
            jpegs.setdefault(sides, []).append(photo)
    for alike in jpegs.values():
        parts = {
            photo.id: part
            for photo in (alike if len(alike) > 1 else ())
            if (data := read(photo)) is not None and (part := saved(data, pixel_limit)) is not None
        }
        roots: list[str] = []
        before: list[str] = []
        for photo_id, part in parts.items():
            for other in before if len(parts) <= _ALL_PAIRS else roots[:_FEW_ROOTS]:
                if photo_id in found and other in found:
                    continue
                _compare(found, (other, parts[other]), (photo_id, part), between=False)
            before.append(photo_id)
            roots = [each for each in (*roots, photo_id) if each not in found]
        if len(parts) <= _ALL_PAIRS:
            for number, other in enumerate(roots):
                for photo_id in roots[number + 1 :]:
                    if photo_id not in found and other not in found:
                        _compare(
                            found, (other, parts[other]), (photo_id, parts[photo_id]), between=True
                        )


def _compare(
    found: dict[str, Derivation],
    a: tuple[str, Saved],
    b: tuple[str, Saved],
    *,
    between: bool,
) -> None:
    told = made_from(a[1], b[1], between=between)
    if told is None:
        return
    child, parent = (a[0], b[0]) if told[0] == "a" else (b[0], a[0])
    evidence: dict[str, float | int | str | bool] = {"by": "pixels", "equal_blocks": told[1]}
    _add(found, Derivation(parent, child, "saved-again", evidence, (parent, child)))


def _of_one_view(
    found: dict[str, Derivation],
    photos: Sequence[PhotoFacts],
    read: ProvenBytes,
    pixel_limit: int,
) -> None:
    """Look for enlarged pictures, and for the steps of a JPEG in what was made from it."""
    # Smallest first, so that what an enlarged one was made from is not itself an enlarged one.
    ordered = sorted((each for each in photos if each.pixels), key=lambda each: each.pixels)
    for at, photo in enumerate(ordered):
        if photo.id in found:
            continue
        smaller = [
            each
            for each in ordered[:at]
            if _is_smaller(each, photo)
            and not (each.id in found and found[each.id].how == "enlarged")
        ]
        rivals = [
            each
            for each in photos
            if each.id != photo.id
            and each.format == "JPEG"
            and (each.width, each.height) == (photo.width, photo.height)
            and photo.id not in Lineage(found).ancestors(each.id)
        ]
        if not smaller and not rivals:
            continue
        gray = _luma(read(photo), pixel_limit)
        if gray is None:
            continue
        # The nearest in size tells most; the rest only repeat it.
        for each in list(reversed(smaller))[:_FEW_ROOTS]:
            theirs = _luma(read(each), pixel_limit)
            if theirs is not None and is_enlarged(gray, theirs):
                made = Derivation(
                    each.id, photo.id, "enlarged", {"by": "pixels"}, (each.id, photo.id)
                )
                _add(found, made)
                break
        if photo.id in found:
            continue
        own = jpeg_tables(read(photo) or b"")
        frequencies = middle_frequencies(gray)
        for rival in rivals[:_ALL_PAIRS]:
            if rival.exif.get("orientation", 1) != 1 or photo.exif.get("orientation", 1) != 1:
                continue  # the grid of blocks lies otherwise
            steps = jpeg_tables(read(rival) or b"")
            if steps is not None and carries_steps(frequencies, steps[0], own[0] if own else None):
                made = Derivation(
                    rival.id, photo.id, "saved-again", {"by": "pixels"}, (rival.id, photo.id)
                )
                _add(found, made)
                break


def _softened(
    found: dict[str, Derivation],
    group: Group,
    photos: Sequence[PhotoFacts],
    read: ProvenBytes,
    pixel_limit: int,
) -> None:
    """Look for pictures that are a sharper one of their size, made small and large again."""
    of = {photo.id: photo for photo in photos}
    pairs = []
    for edge in group.edges:
        sharp = of.get(str(edge.evidence.get("sharper")))
        soft = of.get(edge.a if sharp and sharp.id == edge.b else edge.b)
        if sharp and soft and edge.relation in _SOFTENED and "differs" not in edge.evidence:
            pairs.append((sharp, soft))
    for sharp, soft in pairs[: _ALL_PAIRS * _FEW_ROOTS]:
        # What was reduced to a few colours is sharper by the dots that it was given.
        if soft.id in found or sharp.id in found or not _can_be_source(sharp, soft):
            continue
        theirs, own = _luma(read(sharp), pixel_limit), _luma(read(soft), pixel_limit)
        if theirs is None or own is None or theirs.shape != own.shape:
            continue
        if is_softened(own, theirs):
            made = Derivation(sharp.id, soft.id, "enlarged", {"by": "pixels"}, (sharp.id, soft.id))
            _add(found, made)


def _can_be_source(sharp: PhotoFacts, soft: PhotoFacts) -> bool:
    """Tell whether facts let a sharper picture be the source: some are sharpened by a model."""
    if has_camera(soft) and not has_camera(sharp):
        return False
    # What is not as cameras write it may have been given its dots: a palette, or grain.
    if sharp.format not in _CAMERA_FORMATS and soft.format in _CAMERA_FORMATS:
        return False
    named = [all(is_made_name(copy.path) for copy in photo.copies) for photo in (sharp, soft)]
    return named[1] or not named[0]


def _is_smaller(small: PhotoFacts, large: PhotoFacts) -> bool:
    if not (small.width and small.height and large.width and large.height):
        return False
    across, down = large.width / small.width, large.height / small.height
    alike = abs(across - down) <= max(0.02 * across, 1.5 * across / min(small.width, small.height))
    return alike and min(across, down) >= LEAST_RATIO


def _luma(data: bytes | None, max_pixels: int) -> npt.NDArray[np.uint8] | None:
    import numpy as np
    from PIL import Image

    try:
        frame = decode(data or b"", max_pixels=max_pixels)
    except DecodeError:
        return None
    return np.asarray(Image.fromarray(frame.pixels).convert("L"))
