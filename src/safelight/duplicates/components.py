"""Connected components: members joined directly or through others."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable

Member = TypeVar("Member", bound=Hashable)


class Components(Generic[Member]):
    """Disjoint sets that grow by joining two members.

    The smaller set goes into the larger, so that joining n members costs O(n log n).

    Parameters
    ----------
    pairs : iterable of (member, member)
        Joined from the beginning.

    Examples
    --------
    >>> components = Components([("a", "b"), ("c", "d")])
    >>> components.join("b", "c")
    >>> sorted(components.of("a"))
    ['a', 'b', 'c', 'd']
    """

    def __init__(self, pairs: Iterable[tuple[Member, Member]] = ()) -> None:
        self._of: dict[Member, set[Member]] = {}
        for a, b in pairs:
            self.join(a, b)

    def join(self, a: Member, b: Member) -> None:
        """Put two members, and all that are with either, into one set."""
        larger, smaller = self._of.setdefault(a, {a}), self._of.setdefault(b, {b})
        if larger is smaller:
            return
        if len(larger) < len(smaller):
            larger, smaller = smaller, larger
        larger |= smaller
        self._of.update(dict.fromkeys(smaller, larger))

    def of(self, member: Member) -> set[Member]:
        """Return the set that a member is in; a member that was never joined is alone."""
        return self._of.get(member) or {member}

    def key(self, member: Member) -> Hashable:
        """Return a name of a member's set, which holds until the set is joined with another."""
        found = self._of.get(member)
        return (member,) if found is None else id(found)

    def sets(self) -> list[set[Member]]:
        """Return all sets of members that were joined."""
        return list({id(each): each for each in self._of.values()}.values())
