"""Explanation in words: reasons to keep a photo, or not."""

from __future__ import annotations

import os
from dataclasses import fields
from itertools import takewhile
from typing import TYPE_CHECKING

from safelight.duplicates.keeper.filenames import age_of, secondary_folder
from safelight.duplicates.model import STRICT
from safelight.files.format import size_text
from safelight.files.times import moment_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safelight.duplicates.clustering.group_relations import Together
    from safelight.duplicates.keeper.derivation import Derivation, Lineage
    from safelight.duplicates.keeper.policy import CriteriaWeights
    from safelight.duplicates.model import Group, Relation
    from safelight.library.photo_facts import PhotoFacts

#: The scores that a keeper can be chosen by; the library has them after `ingest --score`.
SCORES = ("focus", "exposure", "noise", "combined")

# Differences below this are not worth a word; nor are weights, as a share of the heaviest.
_SAME = 0.02

# A file of which less than this is the picture itself holds much else.
_MOSTLY = 0.8

# How a photo was made from another: what was done, and what shows it.
_MADE = {
    "enlarged": ("enlarged", "enlarged, or blurred: it has no more detail than a smaller one"),
    "saved-again": ("saved again", "saved again from {parent}, as its pixels show"),
    "grey": ("made grey", "has lost its colours"),
    "few-colours": ("reduced to a few colours", "was reduced to a few colours"),
    "for-print": ("converted for printing", "was converted for printing (CMYK)"),
    "cropped": ("cropped", "shows a part of {parent}"),
    "framed": ("put into a frame or a screenshot", "shows {parent} with something around it"),
    "edited": ("edited", "likelier the edit than {parent}: {fact}"),
}

# The fact that tells an edit from its source, said about the source.
_FACTS = {
    "pixels": "that was made from nothing",
    "camera": "that has the data that a camera wrote",
    "camera file": "that is the camera's own file",
    "maker note": "that has the camera's own notes",
    "editor": "this was saved by a program that edits",
    "name": "this has the name of an edit or a copy",
    "size": "that has clearly more pixels",
    "folder": "this lies in a folder of exports, downloads or backups",
    "files": "that is there in more files",
    "time": "that is the older file",
}


def why_it_stays(
    photo: PhotoFacts,
    together: Together,
    facts: Mapping[str, PhotoFacts],
) -> tuple[str, ...]:
    """Return with what a photo belongs together, if it does."""
    if photo.id not in together:
        return ()
    relation, others = together[photo.id]
    names = sorted(called(facts[other]) for other in others if other in facts)
    which = f" with {', '.join(names)}" if names else ""
    return (f"belongs together{which} ({relation}); stays in any case",)


def why_kept(
    best: PhotoFacts,
    ranked: Sequence[PhotoFacts],
    values: Mapping[str, Mapping[str, float]],
    weights: CriteriaWeights,
    lineage: Lineage,
    focus: str = "",
) -> tuple[str, ...]:
    """Return the reasons for the keeper, the heaviest first, and those against it.

    ``focus`` is where it is sharper than the others, if that has decided.
    """
    others = ranked[1:]
    if not others:
        return ()
    told, against = [f"sharper {focus}"] if focus else [], []
    made = [other for other in others if best.id in lineage.ancestors(other.id)]
    unknown = [other for other in others if other not in made and other.id in lineage.derivations]
    if made or unknown:
        told.append(f"the source: {named(made or unknown)} {_were_made(made or unknown, lineage)}")
    heaviest = max((getattr(weights, name) for name in _by_weight(weights)), default=0.0)
    for name in _by_weight(weights):
        own = values[best.id].get(name)
        if own is None:
            continue
        rival = max(others, key=lambda other: values[other.id][name])
        lead = own - values[rival.id][name]
        weighs = getattr(weights, name) >= _SAME * heaviest
        if (lead > _SAME or (lead > 0 and name == "age")) and (weighs or not told):
            told.append(_reason_for(name, best, rival, lineage))
        elif lead < -_SAME and weighs:
            against.append(_reason_against(name, rival))
    if not told:
        told = ["no criterion separates them; kept the one added first"]
    if against:
        told.append("although " + " and ".join(against))
    return tuple(told)


def _reason_for(name: str, best: PhotoFacts, rival: PhotoFacts, lineage: Lineage) -> str:
    match name:
        case "original":
            if best.format == "RAW":
                return "the sensor's data"
            if best.exif.get("camera_model") or best.exif.get("camera_make"):
                return "has the data that a camera wrote"
            return "the likelier original"
        case "resolution":
            return f"the most pixels, {_size(best)}"
        case "compression":
            return f"lost least when it was saved ({_kind(best, lineage)})"
        case "metadata":
            return f"the most complete data ({_has(best)})"
        case "folder":
            return f"the better folder ({_folder(best, rival)} against {_folder(rival, best)})"
        case "name":
            return f"not named as a copy or an edit ({called(rival)} is)"
        case "age":
            return f"the oldest file ({_day(best)})"
        case "small":
            return f"the fewest bytes, {size_text(best.size)}"
        case _:
            return f"the best {name}"


def _reason_against(name: str, rival: PhotoFacts) -> str:
    match name:
        case "original":
            return f"{called(rival)} is the likelier original"
        case "resolution":
            return f"{called(rival)} has more pixels, {_size(rival)}"
        case "compression":
            return f"{called(rival)} lost less when it was saved"
        case "metadata":
            return f"{called(rival)} has more data ({_has(rival)})"
        case "folder":
            return f"{called(rival)} lies in the better folder"
        case "name":
            return f"{called(rival)} has the plainer name"
        case "age":
            return f"{called(rival)} is the older file"
        case "small":
            return f"{called(rival)} has fewer bytes, {size_text(rival.size)}"
        case _:
            return f"{called(rival)} has a better {name}"


def why_not(
    photo: PhotoFacts,
    best: PhotoFacts,
    relation: Relation,
    values: Mapping[str, Mapping[str, float]],
    weights: CriteriaWeights,
    lineage: Lineage,
    scores: Mapping[str, Mapping[str, float]],
) -> tuple[str, ...]:
    """Return how a photo is related to the one to keep, and what that has over it."""
    told = [f"{relation}: {called(best)} is kept"]
    made = lineage.derivations.get(photo.id)
    if made is not None:
        told.append(_how(made, best))
    for name in _by_weight(weights):
        own, other = values[photo.id].get(name), values[best.id].get(name)
        if own is None or other is None or other - own <= _SAME:
            continue
        match name:
            case "resolution":
                if made is None or made.how != "enlarged":
                    told.append(f"{_size(photo)} against {_size(best)}")
            case "compression":
                if made is None:
                    told.append(f"lost more when it was saved ({_kind(photo, lineage)})")
            case "metadata":
                lacks = [text for text in _has_list(best) if text not in _has_list(photo)]
                told.append(f"lacks {', '.join(lacks)}" if lacks else "has less data")
            case "folder":
                told.append(f"lies in {_folder(photo, best)}, the other in {_folder(best, photo)}")
            case "name":
                told.append("is named as a copy or an edit")
            case "small":
                told.append(f"{size_text(photo.size)} against {size_text(best.size)}")
            case _ if name in SCORES:
                told.append(
                    f"{name} {scores[photo.id][name]:.2f} against {scores[best.id][name]:.2f}"
                )
    return tuple(told)


def about_scores(
    group: Group,
    ranked: Sequence[PhotoFacts],
    scores: Mapping[str, Mapping[str, float]],
    weights: CriteriaWeights,
) -> tuple[str, ...]:
    """Say which shot is the sharpest, the usual way to choose; or that nothing was measured."""
    if len(ranked) < 2:
        return ()
    lacking = [photo for photo in ranked if "focus" not in scores.get(photo.id, {})]
    if lacking and (group.relation not in STRICT or weights.focus > weights.resolution):
        return (
            f"focus, exposure and noise of {named(lacking)} are not known: "
            "safelight ingest --score measures them",
        )
    if lacking or group.relation in STRICT:
        return ()
    best = ranked[0]
    sharpest = max(ranked, key=lambda photo: scores[photo.id]["focus"])
    own, most = scores[best.id]["focus"], scores[sharpest.id]["focus"]
    if own == most:
        return (f"by sharpness alone it would be the same one (focus {own:.2f})",)
    return (
        f"by sharpness alone it would be {called(sharpest)} (focus {most:.2f} against {own:.2f})",
    )


def _by_weight(weights: CriteriaWeights) -> list[str]:
    names = [weight.name for weight in fields(weights) if getattr(weights, weight.name) > 0]
    return sorted(names, key=lambda name: -float(getattr(weights, name)))


def why_chosen(
    best: PhotoFacts,
    ranked: Sequence[PhotoFacts],
    lineage: Lineage,
    values: Mapping[str, Mapping[str, float]],
    weights: CriteriaWeights,
) -> tuple[str, ...]:
    """Explain a photo that the user chose, with the reasons against it."""
    others = ranked[1:]
    against = [
        _reason_against(name, rival)
        for name in _by_weight(weights)
        if name in values[best.id]
        and others
        and (rival := max(others, key=lambda other: values[other.id][name]))
        and values[rival.id][name] - values[best.id][name] > _SAME
    ]
    made = lineage.derivations.get(best.id)
    if made is not None:
        told = _MADE[made.how][1].format(**_words(made, ranked))
        word = told.partition(" ")[0]
        verb = {"likelier": "is ", "enlarged,": "was ", "saved": "was "}.get(word, "")
        against.insert(0, f"it {verb}{told}")
    return ("chosen by you", *(("although " + " and ".join(against),) if against else ()))


def _how(made: Derivation, best: PhotoFacts) -> str:
    return _MADE[made.how][1].format(**_words(made, (best,)))


def _words(made: Derivation, photos: Sequence[PhotoFacts]) -> dict[str, str]:
    """Return the words of a derivation's text: the parent, and the decisive fact."""
    parent = next((photo for photo in photos if photo.id == made.parent), None)
    name = called(parent) if parent else "another of the group"
    return {"parent": name, "fact": _FACTS.get(str(made.evidence.get("by")), "")}


def _were_made(made: Sequence[PhotoFacts], lineage: Lineage) -> str:
    ways = {_MADE[lineage.derivations[photo.id].how][0] for photo in made}
    if len(ways) > 1:
        return "show that they were made from another"
    return f"{'was' if len(made) == 1 else 'were'} {ways.pop()}"


def _folder(photo: PhotoFacts, other: PhotoFacts) -> str:
    """Return the folder that tells where a photo lies, among those that the other is not in too."""
    path, rival = photo.copies[0].path, other.copies[0].path
    folders, theirs = (os.path.dirname(each).split(os.sep) for each in (path, rival))
    shared = sum(
        1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(folders, theirs, strict=False))
    )
    telling = secondary_folder(os.path.join(*folders[shared:], os.path.basename(path)))
    return repr(telling or os.path.basename(os.path.dirname(path)))


def named(photos: Sequence[PhotoFacts]) -> str:
    """Return the names of photos, of many only how many they are."""
    names = [called(photo) for photo in photos]
    if len(names) > 3:
        return f"{names[0]}, {names[1]} and {len(names) - 2} others"
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _size(photo: PhotoFacts) -> str:
    return f"{photo.width} x {photo.height}" if photo.pixels else "unknown size"


def _kind(photo: PhotoFacts, lineage: Lineage) -> str:
    read = lineage.pictures.get(photo.id)
    if read is not None and read.bytes < _MOSTLY * photo.size:
        share = f"{size_text(read.bytes)} of {size_text(photo.size)} its picture"
        return f"{photo.format or 'unknown'}, {share}"
    return f"{photo.format or 'unknown'}, {size_text(photo.size)}"


def _day(photo: PhotoFacts) -> str:
    return moment_of(oldest(photo)).date().isoformat()


def _has(photo: PhotoFacts) -> str:
    return ", ".join(_has_list(photo)) or "none"


def _has_list(photo: PhotoFacts) -> list[str]:
    has = {
        "date": "taken_at" in photo.exif,
        "place": "latitude" in photo.exif,
        "camera": "camera_make" in photo.exif or "camera_model" in photo.exif,
        "exposure": "exposure_time" in photo.exif,
        "labels": photo.said > 0,
    }
    return [text for text, there in has.items() if there]


def oldest(photo: PhotoFacts) -> int:
    """Return when the oldest file of a photo was last changed, in nanoseconds."""
    return min((age_of(copy) for copy in photo.copies), default=0)


def called(photo: PhotoFacts) -> str:
    """Return the name of a photo's file, with its folder's: copies are often called alike."""
    path = photo.copies[0].path
    return os.path.join(os.path.basename(os.path.dirname(path)), os.path.basename(path))
