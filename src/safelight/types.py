"""The nouns of safelight, as frozen dataclasses without behaviour that needs I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

#: Why a file could not be ingested; stored with each failure and never changed in meaning.
FAILURE_CODES = frozenset(
    {
        "empty",  # zero bytes
        "truncated",  # the data end too early
        "corrupt",  # the data are damaged
        "not-an-image",  # the bytes are of no image format
        "unsupported",  # an image format that safelight does not read
        "missing-extra",  # a format that needs an optional dependency
        "too-large",  # more pixels than the pixel limit
        "no-preview",  # a camera RAW file without an embedded preview
        "not-a-file",  # a directory, socket, device, ... under a photo's name
        "missing",  # named by a list, but not there
        "permission",  # not readable by this user
        "symlink-loop",  # a link that leads back to itself
        "bad-name",  # a file name that is not valid text
        "io",  # the disk or network reported an error
        "model",  # the model could not embed it
    }
)


class PlanState(StrEnum):
    """State of a plan: of what it did, what stands now."""

    PLANNED = "planned"  # nothing of it was done
    APPLIED = "applied"  # all of it is done
    APPLIED_IN_PART = "applied-in-part"  # some was left, or could not be undone
    UNDONE = "undone"  # all that was done was undone


class ActionState(StrEnum):
    """State of one action of a plan."""

    PLANNED = "planned"
    DONE = "done"
    LEFT = "left"  # the last apply left the file as it is, for a reason
    UNDONE = "undone"
    UNFINISHED = "unfinished"  # by a command that was killed; the next apply or undo settles it


#: Largest photo that is decoded, in pixels: about 600 MB of RGB. The largest medium-format sensors
#: have 150 million.
DEFAULT_MAX_PIXELS = 200_000_000


@dataclass(frozen=True, slots=True)
class Exif:
    """EXIF data of a photo; ``None`` where the camera wrote nothing usable.

    Attributes
    ----------
    taken_at : str or None
        Local time of exposure, ``YYYY-MM-DDTHH:MM:SS``, with ``+HH:MM`` if the camera said so.
    subsecond : float or None
        What comes behind the second, from 0 to 1: the order of a burst.
    camera_make, camera_model, lens : str or None
        As written by the camera, trimmed.
    exposure_time : float or None
        Seconds.
    f_number, focal_length : float or None
        The latter in millimetres.
    iso : int or None
        Sensitivity.
    latitude, longitude, altitude : float or None
        WGS 84 degrees, north and east positive; metres above sea level.
    orientation : int
        EXIF orientation of the file, 1 to 8. A frame's pixels are already upright.
    title, caption : str or None
        Words that people wrote, from EXIF, IPTC and XMP.
    keywords : tuple of str
    rating : int or None
        1 to 5; -1 for rejected.
    """

    taken_at: str | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    lens: str | None = None
    exposure_time: float | None = None
    f_number: float | None = None
    iso: int | None = None
    focal_length: float | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    orientation: int = 1
    subsecond: float | None = None
    title: str | None = None
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    rating: int | None = None


#: Parts that are further pictures of the photo, to be counted with its first.
FURTHER_PICTURES = frozenset({"frames", "pages", "views"})


_PART_NAMES = {
    "frames": "further frame",
    "pages": "further page",
    "views": "further view",
    "film": "film",
    "sound": "sound recording",
    "depth-map": "depth map",
    "gain-map": "map of highlights (HDR)",
    "matte": "matte",
    "picture": "further picture",
    "layers": "set of layers",
    "archive": "archive behind the picture",
    "data": "block of other data behind the picture",
}


@dataclass(frozen=True, slots=True)
class Part:
    """Content of a photo's file beside its first picture.

    Attributes
    ----------
    kind : str
        ``frames`` of an animation, ``pages``, ``views`` (of a stereo pair, a panorama), ``film``,
        ``sound``, ``depth-map``, ``gain-map``, ``matte``, ``picture`` (of unknown purpose),
        ``layers``, ``archive``, or ``data`` of unknown kind.
    count : int
        Pictures, without the first; 1 of everything else.
    size : int
        Coded bytes.
    digest : str
        sha256 of them, hex: equal digests are equal content, unequal ones say nothing.
    """

    kind: str
    count: int
    size: int
    digest: str

    def named(self) -> str:
        """Return a description: ``23 further frames``, ``a film``."""
        name = _PART_NAMES.get(self.kind, self.kind)
        if self.count > 1:
            return f"{self.count:,} {name}s"
        return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


@dataclass(frozen=True, slots=True)
class Structure:
    """Structure of a photo's file: what it holds that 8-bit pixels of its first picture do not.

    Attributes
    ----------
    depth : int
        Bits a channel, as coded.
    alpha : bool
        Whether any pixel is transparent.
    parts : tuple of Part
    notes : tuple of str
        What is wrong with the file although its picture is whole, as codes: ``no-end-marker``.
    """

    depth: int = 8
    alpha: bool = False
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def pictures(self) -> int:
        """Number of frames, pages or views in the file, the first included."""
        return 1 + sum(part.count for part in self.parts if part.kind in FURTHER_PICTURES)

    def described(self) -> tuple[str, ...]:
        """Return in words what the file holds beside 8-bit, opaque pixels of one picture."""
        told = [part.named() for part in self.parts]
        if self.depth > 8:
            told.append(f"{self.depth} bits a channel")
        if self.alpha:
            told.append("transparency")
        if "no-end-marker" in self.notes:
            told.append("no end marker, though the picture is whole")
        return tuple(told)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values, without what is usual."""
        values: dict[str, Any] = {}
        if self.depth != 8:
            values["depth"] = self.depth
        if self.alpha:
            values["alpha"] = True
        if self.parts:
            values["parts"] = [
                {"kind": part.kind, "count": part.count, "size": part.size, "sha256": part.digest}
                for part in self.parts
            ]
        if self.notes:
            values["notes"] = list(self.notes)
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Structure:
        """Return the structure that :meth:`to_dict` wrote."""
        return cls(
            int(values.get("depth", 8)),
            bool(values.get("alpha", False)),
            tuple(
                Part(part["kind"], part["count"], part["size"], part["sha256"])
                for part in values.get("parts", ())
            ),
            tuple(values.get("notes", ())),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One decoded photo: what every consumer of a photo is given.

    Attributes
    ----------
    pixels : (height, width, 3) uint8
        sRGB, upright, C-contiguous, at working size: possibly smaller than the file's own size.
    width, height : int
        The upright photo's own size in pixels, before any scaling.
    format : str
        ``JPEG``, ``PNG``, ``HEIF``, ... as the decoder names it.
    exif : Exif
    alpha : (height, width) uint8 or None
        Opacity of each of `pixels`; None if the photo is opaque throughout.
    structure : Structure
    quantization : tuple of tuple of int
        A JPEG's tables: 64 steps each, rows of vertical frequency; luma, then colour differences.
    """

    pixels: npt.NDArray[np.uint8]
    width: int
    height: int
    format: str
    exif: Exif = field(default_factory=Exif)
    alpha: npt.NDArray[np.uint8] | None = None
    structure: Structure = field(default_factory=Structure)
    quantization: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result.

    Attributes
    ----------
    score : float
        Cosine of query and photo, -1 to 1. Comparable within one space only. Of a query that
        filters by labels and has no terms: the probability that they apply, 0 to 1.
    path : str
        Absolute path of a file of this photo.
    photo_id : str
        sha256 of the file's bytes, hex.
    namespace : str
    metadata : dict
        Metadata of the file and EXIF data of the photo, JSON-ready.
    stack : int
        Photos of its stack (copies, RAW and JPEG, a burst), itself included.
    matched : str or None
        ``file name``, ``folder name``, ``keyword``, ``title`` or ``caption`` if found by it.
    probability : float or None
        That it is what was asked for, 0 to 1; None where that cannot be told.
    match : bool
        It is taken for what was asked for. One that is not is only among the nearest.
    """

    score: float
    path: str
    photo_id: str
    namespace: str
    metadata: dict[str, Any] = field(hash=False)
    stack: int = 1
    matched: str | None = None
    probability: float | None = None
    match: bool = True


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that could not be ingested, and why.

    Attributes
    ----------
    path : str
    namespace : str
    code : str
        One of :data:`FAILURE_CODES`.
    reason : str
        A sentence for people.
    failed_at : str
        UTC, ISO 8601.
    """

    path: str
    namespace: str
    code: str
    reason: str
    failed_at: str


@dataclass(frozen=True, slots=True)
class Space:
    """The output of one embedding model, as a library knows it.

    Attributes
    ----------
    fingerprint : str
        Hex digest of weights, preprocessing and dtype; vectors are comparable only within it.
    name : str
        What people call the model.
    dimension : int
    model : str
        What ``--model`` takes to load this model again.
    """

    fingerprint: str
    name: str
    dimension: int
    model: str


_LEAST_INT, _MOST_INT = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class FileStat:
    """File status; a file whose status is unchanged need not be opened.

    A change that sets the time of change back, as ``touch -r`` and some editors do, shows in
    ``ctime_ns`` alone, which only the system sets. It is 0 where nobody knows it.

    Every number fits into 64 bits with a sign, which is what SQLite and Parquet keep: times beyond
    the years 1677 and 2262 are taken for these, and of inodes (ReFS has 128 bits; mergerfs and CIFS
    use the highest of 64) the lowest 64 bits are taken as they are.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    def __post_init__(self) -> None:
        for name in ("size", "mtime_ns", "ctime_ns"):
            number = getattr(self, name)
            if not _LEAST_INT <= number <= _MOST_INT:
                object.__setattr__(self, name, min(max(number, _LEAST_INT), _MOST_INT))
        if not _LEAST_INT <= self.inode <= _MOST_INT:
            object.__setattr__(self, "inode", (self.inode - _LEAST_INT) % 2**64 + _LEAST_INT)

    @classmethod
    def of(cls, found: os.stat_result) -> FileStat:
        """Return the relevant fields of the file system's answer."""
        return cls(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def same_content_as(self, other: FileStat) -> bool:
        """Tell whether both are of the same unchanged file."""
        if self.ctime_ns and other.ctime_ns and self.ctime_ns != other.ctime_ns:
            return False
        return (self.size, self.mtime_ns, self.inode) == (other.size, other.mtime_ns, other.inode)


class TextModel(Protocol):
    """Text side of a model; see :class:`safelight.embedding.base.Embedder` for all of it.

    Attributes
    ----------
    name : str
        What people call the model, e.g. ``ViT-B-32/openai``.
    fingerprint : str
        Hex digest that names the space: weights, preprocessing and dtype, but not the runtime,
        the device, or the folder the files lie in.
    dimension : int
        Length of every vector.
    logit_scale : float or None
        What the model multiplies a cosine with before the softmax (or sigmoid); None if unknown.
    logit_bias : float or None
        What is then added, in a model that was trained with a sigmoid for each pair (SigLIP);
        None in one that was trained with a softmax.
    """

    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def logit_scale(self) -> float | None: ...
    @property
    def logit_bias(self) -> float | None: ...

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts; (n, dimension) float32, rows of unit length.

        A text longer than the model's context is cut as the model's authors cut it, with a
        :class:`UserWarning`.
        """
        ...
