"""Pages of photos fit together, whatever is written between them."""

from __future__ import annotations

import random

import pytest

from safelight.errors import SafelightError
from safelight.library.browse import Filter
from safelight.library.cursors import LONGEST, list_query, read_cursor, write_cursor
from safelight.library.listings import Listings, page_of_ids, page_of_photos
from tests.library.writes import Writer

PHOTOS = Filter(photos_only=True)
ORDERS = ("-taken", "taken", "added", "-added", "-score:focus", "score:focus")


def walk(writer: Writer, where: Filter, order: str, listings, writes: int = 2) -> list[str]:
    """Return the ids of all pages, with writes between them."""
    found, cursor = [], None
    while True:
        page = page_of_photos(
            writer.library, listings(), where, order, limit=writer.random.randrange(1, 7),
            cursor=cursor,
        )  # fmt: skip
        found += [card.photo_id for card in page.cards]
        if page.next is None:
            return found
        cursor = page.next
        for _ in range(writes):
            writer.anything()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("namespaces", [None, ("other",)])
def test_what_stays_comes_once(library, order, namespaces) -> None:
    writer = Writer(library, ORDERS.index(order), 30)
    for _ in range(8):
        writer.score()
    where = Filter(photos_only=True, namespaces=namespaces)
    listings = Listings()
    for _ in range(3):
        before = page_of_photos(library, Listings(), where, order, limit=1000)
        found = walk(writer, where, order, lambda: listings)
        after = page_of_photos(library, Listings(), where, order, limit=1000)
        stayed = {card.photo_id for card in before.cards} & {card.photo_id for card in after.cards}
        assert len(found) == len(set(found))
        # One that was lost and found again between two pages may have been away when it was due.
        assert len(stayed - set(found)) <= 1


@pytest.mark.parametrize("order", ORDERS)
def test_without_a_kept_list_the_order_leads_on(library, order) -> None:
    """As after a restart; what is written does not change the order of what is there."""
    writer = Writer(library, 5, 30)
    for _ in range(12):
        writer.score()
    writer.kinds = lambda: [writer.add, writer.forget, writer.label]  # type: ignore[method-assign]
    before = set(writer.ids())
    found = walk(writer, PHOTOS, order, Listings)
    assert len(found) == len(set(found))
    assert before & set(writer.ids()) <= set(found)
    # With nothing written, the same photos in the same order.
    whole = [card.photo_id for card in
             page_of_photos(library, Listings(), PHOTOS, order, limit=1000).cards]  # fmt: skip
    assert walk(writer, PHOTOS, order, Listings, writes=0) == whole


def test_a_snapshot_has_each_photo_at_one_place(library) -> None:
    writer, listings = Writer(library, 1, 12), Listings()
    first = page_of_photos(library, listings, PHOTOS, "added", limit=3)
    ids = [card.photo_id for card in
           page_of_photos(library, listings, PHOTOS, "added", limit=50).cards]  # fmt: skip
    for _ in range(5):
        writer.add()
    page = page_of_photos(
        library, listings, PHOTOS, "added", limit=3, snapshot=first.snapshot, offset=6
    )
    assert [card.photo_id for card in page.cards] == ids[6:9]
    assert (page.total, page.start) == (12, 6)
    around = page_of_photos(
        library, listings, PHOTOS, "added", limit=3, snapshot=first.snapshot, around=ids[10]
    )
    assert around.start == 9
    for where, order in ((PHOTOS, "-added"), (Filter(photos_only=True, under="/photos"), "added")):
        with pytest.raises(SafelightError) as refused:
            page_of_photos(library, listings, where, order, limit=3, snapshot=first.snapshot)
        assert refused.value.code == "cursor-expired"


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("is_kept", [True, False])
def test_groups_that_stay_come_once_however_others_change(library, seed, is_kept) -> None:
    """Regrouped, decided on, in another order; if the list is not kept, the order stays."""
    chance, listings = random.Random(seed), Listings()
    query = list_query(library, "groups", ())
    groups = [f"0:{number}" for number in range(40)]
    stayed, found, cursor = set(groups), [], None
    while True:
        listed = tuple(groups)
        try:
            page = page_of_ids(listings if is_kept else Listings(), query, listed,
                               limit=chance.randrange(1, 9), cursor=cursor)  # fmt: skip
        except SafelightError as error:
            assert not is_kept
            assert error.code == "cursor-expired"  # noqa: PT017 - it need not be raised
            return
        found += [each for each in page.ids if each in groups]
        if page.next is None:
            break
        cursor = page.next
        for _ in range(3):
            groups.remove(gone := chance.choice(groups))
            stayed.discard(gone)
            groups.insert(chance.randrange(len(groups)), f"0:new {len(found)} {chance.random()}")
        if is_kept:
            chance.shuffle(groups)
    assert len(found) == len(set(found))
    assert stayed <= set(found)


def test_lists_are_kept_for_a_time_and_as_long_as_there_is_room() -> None:
    short = Listings(seconds=-1)
    assert short.find(b"q", short.keep(b"q", [1])) is None
    small = Listings(items=10)
    names = [small.keep(b"%d" % number, [0] * 4) for number in range(4)]
    assert [small.find(b"%d" % n, name) is not None for n, name in enumerate(names)] == [
        False, False, True, True,
    ]  # fmt: skip
    items = [1, 2]
    assert small.keep(b"same", items) == small.keep(b"same", items)
    assert small.find(b"another", names[-1]) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "x",
        lambda text: text[:-1],
        lambda text: text[1:],
        lambda text: text + "A" * LONGEST,
        lambda text: text.swapcase(),
        lambda text: "é" + text,
        lambda text: "AAAA" * 20,
        lambda text: text.replace(text[5], "\0"),
    ],
)
def test_a_broken_or_foreign_cursor_is_refused_by_name(library, damage) -> None:
    query = list_query(library, "photos", "a")
    cursor = write_cursor(query, ("name", 3, [1.5, "x"]))
    assert read_cursor(query, cursor, str, int, list) == ["name", 3, [1.5, "x"]]
    for other in (damage(cursor),):
        with pytest.raises(SafelightError) as refused:
            read_cursor(query, other, str, int, list)
        assert refused.value.code == "cursor"
    for foreign in (list_query(library, "photos", "b"), list_query(library, "jobs", "a")):
        with pytest.raises(SafelightError) as refused:
            read_cursor(foreign, cursor, str, int, list)
        assert refused.value.code == "cursor"
    with pytest.raises(SafelightError):
        read_cursor(query, cursor, int, int, list)
