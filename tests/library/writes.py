"""Random writes of every kind to a library of photos that were never pictures."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import numpy as np

from safelight.ingest.forget import forget
from safelight.library.attributes.label_sets import use_label_set
from safelight.library.attributes.labels import LabelledPhoto, LabelRecord, write_labels
from safelight.library.attributes.scores import ScoreRecord, write_scores
from safelight.library.photo_facts import mark_paths_gone
from safelight.library.spaces import add_space
from safelight.library.write import FactsRecord, FileRecord, ItemRecord, write, write_facts
from safelight.types import FileStat, Space

if TYPE_CHECKING:
    from collections.abc import Callable

    from safelight.library.database import Database

SPACE = Space("c0105" * 12 + "c010", "colours", 3, "colours")
NAMESPACES = ("default", "other")


class Writer:
    """Writes to a library at random, the same for the same seed."""

    def __init__(self, library: Database, seed: int, photos: int = 0) -> None:
        self.library = library
        self.random = random.Random(seed)
        self._number = 0
        add_space(library, SPACE)
        for version in ("set one", "set two"):
            use_label_set(library, version, ["sea", "snow"], ["{}"])
        for _ in range(photos):
            self.add()

    def ids(self) -> list[str]:
        """Return the ids of all photos with a file that is there."""
        rows = self.library.connection.execute(
            "SELECT id FROM items i WHERE EXISTS "
            "(SELECT 1 FROM files f WHERE f.item_pk = i.pk AND NOT f.gone) ORDER BY id"
        )
        return [photo_id for (photo_id,) in rows]

    def paths(self, photo_id: str, namespace: str = "%") -> list[str]:
        """Return the paths of a photo, also where it is missing."""
        rows = self.library.connection.execute(
            "SELECT path FROM files f JOIN items i ON i.pk = f.item_pk "
            "JOIN namespaces n ON n.pk = f.namespace_pk WHERE i.id = ? AND n.name LIKE ?",
            (photo_id, namespace),
        )
        return [path for (path,) in rows]

    def anything(self) -> None:
        """Do one write."""
        self.random.choice(self.kinds())()

    def kinds(self) -> list[Callable[[], None]]:
        return [
            self.add, self.add, self.forget, self.lose, self.find, self.score, self.label,
            self.copy, self.date,
        ]  # fmt: skip

    def add(self) -> None:
        self._number += 1
        photo_id = hashlib.sha256(f"photo {self._number}".encode()).hexdigest()
        vector = np.array([self.random.gauss(0, 1) for _ in range(3)], np.float32)
        exif = {} if self.random.random() < 0.3 else {"taken_at": self._time(), "lens": "50mm"}
        item = ItemRecord(
            photo_id, "photo", 10, vector / np.linalg.norm(vector), "JPEG", 40, 30, exif
        )
        space = SPACE.fingerprint
        write(self.library, self._namespace(), [self._file(photo_id)], [item], fingerprint=space)

    def copy(self) -> None:
        if ids := self.ids():
            write(self.library, self._namespace(), [self._file(self.random.choice(ids))])

    def forget(self) -> None:
        if ids := self.ids():
            forget(self.library, self.random.choice(self.paths(self.random.choice(ids))))

    def lose(self) -> None:
        if ids := self.ids():
            mark_paths_gone(self.library, self.paths(self.random.choice(ids)))

    def find(self) -> None:
        rows = self.library.connection.execute(
            "SELECT i.id, f.path, n.name FROM files f JOIN items i ON i.pk = f.item_pk "
            "JOIN namespaces n ON n.pk = f.namespace_pk WHERE f.gone ORDER BY f.pk"
        ).fetchall()
        if rows:
            photo_id, path, namespace = self.random.choice(rows)
            write(self.library, namespace, [FileRecord(path, path, _STAT, photo_id)])

    def score(self) -> None:
        if ids := self.ids():
            score = self.random.random()
            record = ScoreRecord("focus", "1", score, score)
            write_scores(self.library, {self.random.choice(ids): [record]})

    def label(self) -> None:
        if ids := self.ids():
            records = tuple(
                LabelRecord(label, 0.5, 0.2, self.random.random(), self.random.random() < 0.5)
                for label in ("sea", "snow")
            )
            version = self.random.choice(("set one", "set two"))
            photos = {self.random.choice(ids): LabelledPhoto(records, False)}
            write_labels(self.library, SPACE.fingerprint, version, photos)

    def date(self) -> None:
        rows = self.library.connection.execute(
            "SELECT n.name, f.path, i.id FROM files f JOIN items i ON i.pk = f.item_pk "
            "JOIN namespaces n ON n.pk = f.namespace_pk ORDER BY f.pk"
        ).fetchall()
        if rows:
            namespace, path, photo_id = self.random.choice(rows)
            record = FactsRecord(path, photo_id, {"taken_at": self._time(), "iso": 100}, None)
            write_facts(self.library, namespace, [record])

    def _time(self) -> str:
        return f"20{self.random.randrange(10, 25)}-0{self.random.randrange(1, 9)}-11T12:00:00"

    def _namespace(self) -> str:
        return self.random.choice(NAMESPACES)

    def _file(self, photo_id: str) -> FileRecord:
        self._number += 1
        path = f"/photos/{self.random.randrange(3)}/{self._number}.jpg"
        return FileRecord(path, path, _STAT, photo_id, {"by": "me"})


_STAT = FileStat(10, 1, 1, 1)
