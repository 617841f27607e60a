"""Hashes of whole pictures, of turned and mirrored ones, and words of parts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from safelight.hashing import dihedral, hash_frame, mirrored
from safelight.hashing.dct import packed, unpacked
from safelight.hashing.dihedral import DIHEDRAL, applied
from safelight.hashing.places import agreeing
from safelight.imaging import decode
from safelight.ingest.sources import parse_source
from safelight.types import Frame


def frame_of(pixels: np.ndarray) -> Frame:
    pixels = np.ascontiguousarray(pixels)
    return Frame(pixels, pixels.shape[1], pixels.shape[0], "PNG")


def distance(a: np.ndarray, b: np.ndarray) -> int:
    return int(np.bitwise_count(a ^ b).sum())


def shared(a: Frame, b: Frame) -> int:
    return len(np.intersect1d(hash_frame(a).words, hash_frame(b).words))


@pytest.fixture(scope="module")
def photos() -> dict[str, Frame]:
    """Photos that scikit-image ships."""
    wanted = ("astronaut.png", "chelsea.png", "coffee.png", "rocket.jpg")
    return {
        Path(entry.path).name: decode(Path(entry.path).read_bytes())
        for entry in parse_source("demo").entries()
        if entry.path.endswith(wanted)
    }


def resized(frame: Frame, width: int, height: int) -> Frame:
    picture = Image.fromarray(frame.pixels).resize((width, height), Image.Resampling.LANCZOS)
    return frame_of(np.asarray(picture))


def test_scaled_photos_differ_in_few_bits(photos):
    for frame in photos.values():
        small = resized(frame, frame.width // 2, frame.height // 2)
        assert distance(hash_frame(frame).dct256, hash_frame(small).dct256) <= 6


def test_different_photos_differ_in_many_bits(photos):
    hashes = [hash_frame(frame).dct256 for frame in photos.values()]
    assert len(hashes) == 4
    for number, one in enumerate(hashes):
        for other in hashes[:number]:
            assert min(distance(one, way) for way in dihedral(other)) > 70


def test_the_short_hash_is_the_first_word_of_the_long_one(photos):
    found = hash_frame(photos["coffee.png"])
    signs = unpacked(found.dct256)
    assert found.dct64 == found.dct256[0]
    only_low = np.zeros_like(signs)
    only_low[:8, :8] = signs[:8, :8]
    assert packed(only_low).tolist() == [int(found.dct64), 0, 0, 0]


def test_hashes_of_turned_photos_follow_from_the_hash(photos):
    for frame in photos.values():
        ways = dihedral(hash_frame(frame).dct256)
        assert ways.shape == (8, 4)
        for way, expected in zip(DIHEDRAL, ways, strict=True):
            turned = frame_of(applied(frame.pixels, way))
            # Only a frequency that is as good as absent may have either sign.
            assert distance(hash_frame(turned).dct256, expected) <= 1


@given(arrays(np.bool_, (3, 16, 16)))
def test_packing_loses_nothing(signs):
    assert (unpacked(packed(signs)) == signs).all()


@given(arrays(np.uint64, (2, 4), elements=st.integers(0, 2**64 - 1)))
def test_turning_is_a_group(hashes):
    hashes[:, 0] &= ~np.uint64(1)  # the mean has no sign
    ways = dihedral(hashes)
    assert (ways[:, 0] == hashes).all()
    # Each way has one that undoes it.
    again = dihedral(ways)
    assert all((again[0, way] == hashes[0]).all(axis=-1).any() for way in range(8))


def test_a_part_shares_words_with_the_whole(photos):
    for frame in photos.values():
        width, height = frame.width, frame.height
        part = frame.pixels[height // 10 : -height // 10, width // 10 : -width // 10]
        assert shared(frame, frame_of(part)) >= 4


def test_different_photos_share_next_to_no_words(photos):
    frames = list(photos.values())
    for number, one in enumerate(frames):
        for other in frames[:number]:
            assert shared(one, other) <= 2


def agreeing_words(a: Frame, b: Frame, *, mirror: bool = False) -> int:
    one, other = hash_frame(a), hash_frame(b)
    words = mirrored(other.words) if mirror else other.words
    _, rows, others = np.intersect1d(one.words, words, return_indices=True)
    ratios = (frame.width / frame.height for frame in (a, b))
    return agreeing(one.places[rows], other.places[others], *ratios, mirrored=mirror)


def test_words_of_a_part_agree_on_where_it_lies(photos):
    for frame in photos.values():
        width, height = frame.width, frame.height
        part = frame_of(frame.pixels[height // 10 :, : -width // 10])
        assert agreeing_words(frame, part) >= 3


def test_words_of_a_turned_photo_agree(photos):
    for frame in photos.values():
        turned = frame_of(applied(frame.pixels, (True, True, False)))
        assert agreeing_words(frame, turned) >= 8


def test_words_of_a_mirrored_part_agree(photos):
    for frame in photos.values():
        width, height = frame.width, frame.height
        part = frame_of(frame.pixels[height // 12 :, : -width // 12][:, ::-1])
        assert agreeing_words(frame, part, mirror=True) >= 3
        assert agreeing_words(frame, part) <= 2


def test_words_in_the_wrong_places_do_not_agree():
    chance = np.random.default_rng(0)
    a, b = chance.integers(0, 2**32, (2, 40), np.uint32)
    assert agreeing(a, b, 1.5, 1.5) <= 3
    assert agreeing(a, a, 1.5, 1.5) >= 30
    assert agreeing(a[:1], b[:1], 1.5, 1.5) == 1
    assert agreeing(a[:0], b[:0], 1.5, 1.5) == 0


def test_words_are_sorted_and_of_24_bits(photos):
    words = hash_frame(photos["astronaut.png"]).words
    assert 100 < len(words) <= 256
    assert (np.diff(words.astype(np.int64)) > 0).all()
    assert words.max() < 2**24


def test_the_working_size_changes_little(photos):
    frame = photos["astronaut.png"]
    at_work = replace(resized(frame, 260, 260), width=512, height=512)
    assert distance(hash_frame(frame).dct256, hash_frame(at_work).dct256) <= 6
    assert shared(frame, at_work) >= 40


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 2), (2, 1), (1, 9000), (9000, 1), (3, 3000), (16, 16)]
)
def test_odd_sizes(size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    found = hash_frame(frame_of(pixels))
    assert found.dct256.shape == (4,)
    assert found.words.dtype == np.uint32


def test_a_plain_picture_has_nothing(photos):
    found = hash_frame(frame_of(np.full((300, 400, 3), 77, np.uint8)))
    assert not found.dct256.any()
    assert not found.words.size


def test_threads_find_the_same(photos):
    frames = list(photos.values())
    alone = [hash_frame(frame).words.tolist() for frame in frames]
    with ThreadPoolExecutor(4) as pool:
        together = [found.words.tolist() for found in pool.map(hash_frame, frames * 5)]
    assert together == alone * 5


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (1, 9), (3, 3), (15, 400), (1, 40_000), (40_000, 1), (20, 2000)]
)
def test_a_few_pixels_and_lines_have_no_hash(width, height) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    found = hash_frame(Frame(pixels, width, height, "PNG"))
    assert (found.dct256.any(), len(found.words), len(found.places)) == (False, 0, 0)


def test_one_colour_has_no_hash_and_is_like_no_other() -> None:
    from safelight.duplicates.candidates.signals import Asked, HashSignal

    flat = hash_frame(Frame(np.full((300, 400, 3), 200, np.uint8), 400, 300, "PNG"))
    assert not flat.dct256.any()
    pixels = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    other = hash_frame(Frame(pixels, 400, 300, "PNG"))
    hashes = np.stack([flat.dct256, other.dct256, flat.dct256, other.dct256])
    for turned in (False, True):
        signal = HashSignal(hashes, 256 if turned else 0, 10, turned=turned)
        near = signal.propose(0, 4)
        assert set(zip(near.asked.tolist(), near.found.tolist(), strict=True)) == {(3, 1)}
        assert len(signal.propose_to(Asked(flat.dct256, flat.words)).found) == 0
        assert set(signal.propose_to(Asked(other.dct256, other.words)).found.tolist()) == {1, 3}
