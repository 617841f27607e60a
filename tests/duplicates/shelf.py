"""Real files and a real library that knows them, with relations that the test says they have."""

from __future__ import annotations

import hashlib
import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from safelight.duplicates.clustering.group_relations import together
from safelight.duplicates.clustering.grouping import group_id
from safelight.duplicates.keeper import Suggestion, judge
from safelight.duplicates.keeper.policy import parse_policy
from safelight.duplicates.model import Edge, Group, Relation
from safelight.duplicates.plans.build import plan_changes
from safelight.duplicates.plans.companions import Companions
from safelight.library.attributes.decisions import decided_pairs
from safelight.library.ingested_sources import remember
from safelight.library.photo_facts import photo_facts
from safelight.library.write import FileRecord, ItemRecord, write
from safelight.types import FileStat

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from safelight.duplicates.plans.model import Plan
    from safelight.library.database import Database


class Shelf:
    """A folder of files, as if it had been ingested."""

    def __init__(self, folder: Path, library: Database) -> None:
        self.folder = folder
        self.library = library
        self.groups: list[Group] = []
        folder.mkdir(exist_ok=True)
        remember(library, "default", [(f"images:{folder}", {})])

    def add(self, name: str, data: bytes = b"a", *, days: int = 0, **facts: Any) -> str:
        """Write a file, put it into the library, and return its photo's id."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment = 1_500_000_000_123_456_789 + days * 86_400 * 10**9
        os.utime(path, ns=(moment, moment))
        return self.know(name, **facts)

    def know(self, name: str, namespace: str = "default", **facts: Any) -> str:
        """Put a file that is there into the library."""
        path = self.folder / name
        data = path.read_bytes()
        photo = hashlib.sha256(data).hexdigest()
        found = path.stat()
        stat = FileStat(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        given = {"format": "JPEG", "width": 40, "height": 30, **facts}
        write(
            self.library,
            namespace,
            [FileRecord(str(path), name, stat, photo)],
            [ItemRecord(photo, "photo", len(data), None, **given)],
        )
        return photo

    def relate(self, relation: Relation | str, *photos: str) -> Group:
        """Make a group of photos, in a row; of one photo, of its files."""
        relation = Relation(relation)
        pairs = list(pairwise(photos)) or [(photos[0], photos[0])]
        edges = tuple(Edge(min(pair), max(pair), relation) for pair in pairs)
        found = Group(group_id(set(photos)), relation, tuple(dict.fromkeys(photos)), edges)
        self.groups.append(found)
        return found

    def suggest(self, policy: str = "original") -> list[Suggestion]:
        ids = [photo for group in self.groups for photo in group.photos]
        facts = photo_facts(self.library, ids)
        whole = together(self.groups)
        beside = Companions()
        judged = [
            (
                group,
                judge(
                    group, facts, parse_policy(policy), together=whole, companion=beside.companion
                ),
            )
            for group in self.groups
        ]
        return [Suggestion(group, photos) for group, photos in judged if photos]

    def plan(
        self, *, policy: str = "original", relations: Sequence[Relation] = (), **options: Any
    ) -> Plan:
        ids = [photo for group in self.groups for photo in group.photos]
        return plan_changes(
            self.library,
            self.suggest(policy),
            photo_facts(self.library, ids),
            relations=relations or list(Relation),
            together=together(self.groups),
            decided=decided_pairs(self.library),
            **options,
        )

    def state(self) -> dict[str, tuple[bytes, int, int]]:
        """Return every file below the folder: its bytes, time of change and rights."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                stat = path.stat()
                name = str(path.relative_to(self.folder))
                found[name] = (path.read_bytes(), stat.st_mtime_ns, stat.st_mode)
        return found

    def present(self) -> set[str]:
        """Return the names of the files that the library takes to be there."""
        rows = self.library.connection.execute("SELECT path FROM files WHERE NOT gone")
        return {os.path.relpath(path, self.folder) for (path,) in rows}
