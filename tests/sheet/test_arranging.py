from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.errors import UsageError
from safelight.sheet import Card, arrange, order_keys
from safelight.sheet.file_names import by_name, display_names, visible


def names(found: list[Card]) -> list[str]:
    return [Path(card.path).name[:5] for card in found]


def test_best_first_then_what_was_not_measured_then_what_could_not_be_read(every) -> None:
    found = arrange(every, "noise")
    scores = [card.score("noise") for card in found]
    assert scores[:3] == sorted(scores[:3], reverse=True)
    assert scores[3:] == [None, None]
    assert names(found)[3:] == ["flat.", "bad <"]


def test_the_worst_come_worst_first_and_unread_files_are_never_left_out(every) -> None:
    by_focus = [card for card in arrange(every, "focus") if card.reason is None]
    assert arrange(every, "focus", worst=2)[:2] == by_focus[:-3:-1]
    assert names(arrange(every, "focus", worst=1)) == ["flat.", "bad <"]
    assert len(arrange(every, "combined", worst=99)) == len(every)


def test_by_name_numbers_count_by_their_value(every) -> None:
    found = arrange([card for card in every if card.reason is None], "name")
    assert names(found)[1:] == ["soft ", "flat.", "sharp"]  # de<b>ep/, then flat and sharp


def test_by_query_the_nearest_is_first(every) -> None:
    matched = [replace(card, match=number / 10) for number, card in enumerate(every)]
    found = [card.match for card in arrange(matched, "query") if card.reason is None]
    assert found == sorted(found, reverse=True)


def test_the_worst_by_name_are_refused() -> None:
    with pytest.raises(UsageError, match="worse"):
        arrange([], "name", worst=3)


def test_what_can_be_sorted_by() -> None:
    assert order_keys(["focus"], has_query=False) == ("combined", "focus", "name")
    assert order_keys(["focus"], has_query=True)[-1] == "query"


def test_only_as_many_as_are_asked_for_are_kept() -> None:
    # Cards hold pictures: those that are not shown are let go of while the rest are still to come.
    import weakref

    class Noticed(list):  # lists can be weakly referenced only as a class of one's own
        pass

    alive: list[weakref.ref] = []

    def stream():
        for number in range(50):
            mark = Noticed()
            alive.append(weakref.ref(mark))
            yield Card(f"{number}.jpg", match=float(number), thumbnail=mark)
            del mark
            assert sum(ref() is not None for ref in alive) <= 5

    assert len(arrange(stream(), "query", worst=3)) == 3


def test_names_lose_the_folders_that_all_have_in_common() -> None:
    assert display_names(["/a/b/c.jpg", "/a/b/d/e.jpg"]) == ["c.jpg", "d/e.jpg"]
    assert display_names(["/a/b/c.jpg"]) == ["c.jpg"]
    assert display_names([]) == []
    assert display_names(["/a/b/d/e.jpg"], "/a/b") == ["d/e.jpg"]


def test_what_is_not_seen_is_escaped() -> None:
    assert visible("a\nb\x00\u202e\u2028\udcff") == "a\\nb\\x00\\u202e\\u2028\\udcff"
    assert visible("Röd räv 👩‍👩‍👧 مهر‌بان.jpg") == "Röd räv 👩‍👩‍👧 مهر‌بان.jpg"


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8)))
def test_any_names_can_be_sorted(given_names) -> None:
    ordered = sorted(given_names, key=by_name)
    assert sorted(ordered) == sorted(given_names)
    backwards = ordered[::-1]
    assert sorted(backwards, key=by_name) == ordered


def test_superscripts_are_not_numbers() -> None:
    assert sorted(["x²", "x10", "x9"], key=by_name) == ["x9", "x10", "x²"]
