"""Complete linkage: clusters in which every two members are related."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def complete_linkage(
    pairs: Iterable[tuple[str, str]], together: Iterable[Iterable[str]] = ()
) -> list[set[str]]:
    """Return the clusters of two or more; every pair between their members is among `pairs`.

    Two clusters are as far apart as their farthest pair, and the two that are nearest to each other
    are joined first: that is, at the moment when the last pair between them was met.

    Parameters
    ----------
    pairs : iterable of (str, str)
        The closest first, each once.
    together : iterable of iterable of str
        Members, in no two of these at once, that are joined from the beginning, related or not.

    Examples
    --------
    >>> chain = [("a", "b"), ("b", "c"), ("c", "d"), ("a", "c")]
    >>> [sorted(cluster) for cluster in complete_linkage(chain)]
    [['a', 'b'], ['c', 'd']]
    """
    members: dict[int, set[str]] = {}
    numbers: dict[str, int] = {}
    for each in together:
        _begin(set(each), members, numbers)
    # How many of the pairs between two clusters were met.
    met: dict[int, dict[int, int]] = defaultdict(dict)
    for pair in pairs:
        for name in pair:
            if name not in numbers:
                _begin({name}, members, numbers)
        one, other = numbers[pair[0]], numbers[pair[1]]
        if one == other:
            continue
        met[one][other] = met[other][one] = met[one].get(other, 0) + 1
        if met[one][other] < len(members[one]) * len(members[other]):
            continue
        if len(met[one]) + len(members[one]) < len(met[other]) + len(members[other]):
            one, other = other, one
        for third, count in met.pop(other).items():
            del met[third][other]
            if third != one:
                met[one][third] = met[third][one] = met[one].get(third, 0) + count
        for name in members[other]:
            numbers[name] = one
        members[one] |= members.pop(other)
    return [cluster for cluster in members.values() if len(cluster) > 1]


def _begin(cluster: set[str], members: dict[int, set[str]], numbers: dict[str, int]) -> None:
    number = len(numbers)  # of its first member: never given twice
    members[number] = cluster
    numbers.update(dict.fromkeys(cluster, number))
