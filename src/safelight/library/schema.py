"""Schema of a library, and the migrations from older ones."""

from __future__ import annotations

import sqlite3
import uuid
from typing import TYPE_CHECKING

from safelight.errors import LibraryError, LibraryTooNew
from safelight.library.schema_changes import CHANGE_LOG

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

#: In the place of the stamp of a file's sidecars: its facts are to be read again.
UNREAD = "?"

_TABLES_1 = """
-- What was embedded: a photo's or a text's content, whatever files hold it.
CREATE TABLE items (
    pk       INTEGER PRIMARY KEY,
    id       TEXT    NOT NULL UNIQUE,           -- sha256 of the bytes, hex
    kind     TEXT    NOT NULL CHECK (kind IN ('photo', 'text')),
    size     INTEGER NOT NULL,                  -- bytes
    format   TEXT,
    width    INTEGER,
    height   INTEGER,
    taken_at TEXT,
    exif     TEXT    NOT NULL DEFAULT '{}',     -- JSON object of the Exif fields that are set
    text     TEXT,                              -- of a text
    added_at TEXT    NOT NULL
) STRICT;
CREATE INDEX items_by_taken_at ON items (taken_at) WHERE taken_at IS NOT NULL;

CREATE TABLE namespaces (
    pk   INTEGER PRIMARY KEY,
    name TEXT    NOT NULL UNIQUE
) STRICT;

-- What was ingested, to be ingested again by a plain `safelight ingest`.
CREATE TABLE sources (
    pk           INTEGER PRIMARY KEY,
    namespace_pk INTEGER NOT NULL REFERENCES namespaces,
    spec         TEXT    NOT NULL,
    options      TEXT    NOT NULL,              -- JSON object of parse_source()'s options
    UNIQUE (namespace_pk, spec)
) STRICT;

-- A path at which content was seen. size, mtime_ns and inode tell whether it must be opened again;
-- a failed file is also tried again when ctime_ns moves, because that is all that chmod changes.
CREATE TABLE files (
    pk           INTEGER PRIMARY KEY,
    namespace_pk INTEGER NOT NULL REFERENCES namespaces,
    path         TEXT    NOT NULL,              -- absolute; of a text, FILE#ROW
    source_path  TEXT    NOT NULL,              -- as its source named it
    item_pk      INTEGER REFERENCES items,      -- null: it failed
    size         INTEGER,
    mtime_ns     INTEGER,
    ctime_ns     INTEGER,
    inode        INTEGER,
    gone         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (namespace_pk, path)
) STRICT;
CREATE INDEX files_by_item ON files (item_pk);
CREATE INDEX files_by_path ON files (path);

-- What a source said about a file: labels and further columns.
CREATE TABLE metadata (
    file_pk INTEGER NOT NULL REFERENCES files ON DELETE CASCADE,
    key     TEXT    NOT NULL,
    value   TEXT    NOT NULL,
    PRIMARY KEY (file_pk, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX metadata_by_value ON metadata (key, value);

CREATE TABLE failures (
    file_pk   INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    code      TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    failed_at TEXT    NOT NULL
) STRICT;

CREATE TABLE spaces (
    pk          INTEGER PRIMARY KEY,
    fingerprint TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    dimension   INTEGER NOT NULL,
    model       TEXT    NOT NULL,               -- what --model takes
    is_default  INTEGER NOT NULL DEFAULT 0,
    epoch       TEXT    NOT NULL,               -- changes when embeddings are removed
    added_at    TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX spaces_default ON spaces (is_default) WHERE is_default;

-- AUTOINCREMENT: a pk is never used twice, so "all after pk" is what a vector index still lacks.
CREATE TABLE embeddings (
    pk       INTEGER PRIMARY KEY AUTOINCREMENT,
    space_pk INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    item_pk  INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    vector   BLOB    NOT NULL,                  -- float32, little-endian
    UNIQUE (item_pk, space_pk)
) STRICT;
CREATE INDEX embeddings_by_space ON embeddings (space_pk);
"""

_TABLES_2 = """
-- What was measured of a photo; of each metric only the last, in the version that it had then.
CREATE TABLE scores (
    item_pk INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    metric  TEXT    NOT NULL,
    version TEXT    NOT NULL,
    value   REAL,                               -- as published; null unless ok
    score   REAL,                               -- 0 to 1, 1 is better; null unless ok
    status  TEXT    NOT NULL CHECK (status IN ('ok', 'failed', 'skipped')),
    reason  TEXT,
    details TEXT    NOT NULL DEFAULT '{}',      -- JSON object
    PRIMARY KEY (item_pk, metric)
) STRICT;
CREATE INDEX scores_by_score ON scores (metric, score);
"""

_TABLES_3 = """
-- Labels and prompt templates that photos were labelled with.
CREATE TABLE label_sets (
    pk        INTEGER PRIMARY KEY,
    version   TEXT    NOT NULL UNIQUE,          -- hex digest of labels and templates
    labels    TEXT    NOT NULL,                 -- JSON array
    templates TEXT    NOT NULL,                 -- JSON array
    used_at   TEXT    NOT NULL                  -- of two sets with one label the last used counts
) STRICT;

-- Which photos were labelled, with what, also those to which no label applies.
CREATE TABLE labelled (
    item_pk      INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    space_pk     INTEGER NOT NULL REFERENCES spaces ON DELETE CASCADE,
    label_set_pk INTEGER NOT NULL REFERENCES label_sets ON DELETE CASCADE,
    abstained    INTEGER NOT NULL,
    PRIMARY KEY (item_pk, space_pk, label_set_pk)
) STRICT, WITHOUT ROWID;
CREATE INDEX labelled_by_set ON labelled (label_set_pk, space_pk, abstained);

-- The labels of a photo that rank first, and all that apply to it.
CREATE TABLE labels (
    item_pk      INTEGER NOT NULL,
    space_pk     INTEGER NOT NULL,
    label_set_pk INTEGER NOT NULL,
    label        TEXT    NOT NULL,
    confidence   REAL    NOT NULL,              -- share of the softmax over the set
    cosine       REAL    NOT NULL,
    calibrated   REAL    NOT NULL,              -- probability that it applies
    applies      INTEGER NOT NULL,
    PRIMARY KEY (item_pk, space_pk, label_set_pk, label),
    FOREIGN KEY (item_pk, space_pk, label_set_pk) REFERENCES labelled ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_by_label ON labels (label, space_pk, calibrated) WHERE applies;

-- What the features service found, in each version; a photo need not be an item of this library.
CREATE TABLE features (
    photo_id TEXT NOT NULL,
    version  TEXT NOT NULL,                     -- hex digest of model, metrics and labels
    features TEXT NOT NULL,                     -- JSON object
    made_at  TEXT NOT NULL,
    PRIMARY KEY (photo_id, version)
) STRICT, WITHOUT ROWID;
"""

_TABLES_4 = """
-- What tells that photos look alike, computed from the pixels.
CREATE TABLE hashes (
    item_pk INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
    version TEXT    NOT NULL,
    dct256  BLOB    NOT NULL,                   -- 4 uint64, little-endian; the first is dct64
    words   BLOB    NOT NULL,                   -- uint32, little-endian: of local features, sorted
    places  BLOB    NOT NULL                    -- uint32, little-endian: where each was seen
) STRICT;

-- How two photos are related; a pair without a row, both compared, is not related.
CREATE TABLE edges (
    a_pk     INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    b_pk     INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    relation TEXT    NOT NULL,
    evidence TEXT    NOT NULL,                  -- JSON object
    version  TEXT    NOT NULL,                  -- of hashes, thresholds and space
    PRIMARY KEY (a_pk, b_pk)
) STRICT, WITHOUT ROWID;
CREATE INDEX edges_by_b ON edges (b_pk);

-- Photos that were compared with all others compared in the same version.
CREATE TABLE compared (
    item_pk INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
    version TEXT    NOT NULL
) STRICT;

-- Which photo of several forms of one picture was made from which other, as their pixels tell.
CREATE TABLE origins (
    group_id TEXT PRIMARY KEY,                  -- of these photos
    version  TEXT NOT NULL,
    found    TEXT NOT NULL                      -- JSON object: photo id to [source's id, how]
) STRICT, WITHOUT ROWID;

-- What the user decided about two photos; by content, so that it outlives everything else.
CREATE TABLE decisions (
    a_id       TEXT NOT NULL,
    b_id       TEXT NOT NULL,
    decision   TEXT NOT NULL CHECK (decision IN ('not-duplicates', 'keep-both', 'resolved')),
    decided_at TEXT NOT NULL,
    PRIMARY KEY (a_id, b_id),
    CHECK (a_id <= b_id)
) STRICT, WITHOUT ROWID;
"""

_TABLES_5 = """
-- Who may use the server besides people at this machine. The token itself is kept by nobody.
CREATE TABLE tokens (
    id         TEXT    PRIMARY KEY,             -- to name it by
    name       TEXT    NOT NULL,
    digest     TEXT    NOT NULL UNIQUE,         -- sha256, hex, of its 256 random bits
    may_write  INTEGER NOT NULL,
    namespaces TEXT,                            -- JSON array; null: all
    created_at TEXT    NOT NULL,
    revoked_at TEXT
) STRICT;

-- What the server was asked to do in the background.
CREATE TABLE jobs (
    id          TEXT    PRIMARY KEY,
    kind        TEXT    NOT NULL,
    namespace   TEXT    NOT NULL,
    request     TEXT    NOT NULL,               -- JSON object
    state       TEXT    NOT NULL CHECK (
        state IN ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')
    ),
    owner       TEXT    NOT NULL,               -- the process that runs it
    done        INTEGER NOT NULL DEFAULT 0,
    total       INTEGER NOT NULL DEFAULT 0,
    failed      INTEGER NOT NULL DEFAULT 0,
    message     TEXT,
    summary     TEXT,                           -- JSON object
    created_at  TEXT    NOT NULL,
    finished_at TEXT
) STRICT;
CREATE INDEX jobs_by_creation ON jobs (created_at);

-- Vectors that a client brought, of whatever model and dimension.
-- AUTOINCREMENT: a changed vector gets a new pk, so count and greatest pk tell whether anything is
-- new.
CREATE TABLE vectors (
    pk           INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace_pk INTEGER NOT NULL REFERENCES namespaces,
    id           TEXT    NOT NULL,
    dimension    INTEGER NOT NULL,
    vector       BLOB    NOT NULL,              -- float32, little-endian, as it was brought
    metadata     TEXT    NOT NULL,              -- JSON object of strings
    created_at   TEXT    NOT NULL,
    updated_at   TEXT    NOT NULL,
    UNIQUE (namespace_pk, id)
) STRICT;
CREATE INDEX vectors_by_dimension ON vectors (dimension);
"""

_TABLES_STORES = """
-- By what a vector store tells this library from others that feed it.
CREATE TABLE identity (
    id TEXT NOT NULL
) STRICT;

-- The vector stores that this library feeds.
CREATE TABLE stores (
    pk       INTEGER PRIMARY KEY,
    address  TEXT    NOT NULL UNIQUE,           -- without passwords
    added_at TEXT    NOT NULL
) STRICT;

-- The spaces that a store has something of, so that it is told when one was dropped.
CREATE TABLE store_spaces (
    store_pk    INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE,
    fingerprint TEXT    NOT NULL,
    PRIMARY KEY (store_pk, fingerprint)
) STRICT, WITHOUT ROWID;

-- Items of which a store has yet to be told. What they are is read when it is sent.
-- AUTOINCREMENT: an item that changes while it is sent gets a new pk, and is sent once more.
CREATE TABLE outbox (
    pk       INTEGER PRIMARY KEY AUTOINCREMENT,
    store_pk INTEGER NOT NULL REFERENCES stores ON DELETE CASCADE,
    item_id  TEXT    NOT NULL,
    UNIQUE (item_id, store_pk)
) STRICT;

-- A key of an item inserted here puts the item into the outbox of every store.
CREATE VIEW changed AS SELECT NULL AS item_pk WHERE 0;
CREATE TRIGGER changed_item INSTEAD OF INSERT ON changed BEGIN
    DELETE FROM outbox WHERE item_id = (SELECT id FROM items WHERE pk = NEW.item_pk);
    INSERT INTO outbox (store_pk, item_id)
        SELECT stores.pk, items.id FROM stores, items WHERE items.pk = NEW.item_pk;
END;

-- Triggers, so that nothing that writes to a library has to think of stores, or could forget to.
CREATE TRIGGER embedding_added AFTER INSERT ON embeddings
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER item_removed BEFORE DELETE ON items
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (OLD.pk);
END;
CREATE TRIGGER file_added AFTER INSERT ON files
WHEN NEW.item_pk IS NOT NULL AND EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER file_removed AFTER DELETE ON files
WHEN OLD.item_pk IS NOT NULL AND EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (OLD.item_pk);
END;
CREATE TRIGGER file_changed AFTER UPDATE ON files
WHEN (OLD.item_pk, OLD.namespace_pk, OLD.path, OLD.gone)
    IS NOT (NEW.item_pk, NEW.namespace_pk, NEW.path, NEW.gone)
    AND EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (OLD.item_pk);
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER metadata_added AFTER INSERT ON metadata
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed SELECT item_pk FROM files WHERE pk = NEW.file_pk;
END;
CREATE TRIGGER metadata_removed AFTER DELETE ON metadata
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed SELECT item_pk FROM files WHERE pk = OLD.file_pk;
END;
CREATE TRIGGER score_added AFTER INSERT ON scores
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER score_changed AFTER UPDATE ON scores
WHEN OLD.score IS NOT NEW.score AND EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER labels_added AFTER INSERT ON labelled
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk);
END;
CREATE TRIGGER labels_removed AFTER DELETE ON labelled
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (OLD.item_pk);
END;
"""

_INDEXES_COUNTED = """
-- Counting must not read every file, or every item to find out that hardly any is a text.
CREATE INDEX files_by_namespace ON files (namespace_pk, gone, item_pk);
CREATE INDEX items_texts ON items (kind) WHERE kind = 'text';
"""

_INDEXES_FACETS = """
-- What there is to choose from is counted after every change, from these alone. Half of the makers
-- write their name into the model as well.
ALTER TABLE items ADD COLUMN camera TEXT GENERATED ALWAYS AS (
    CASE
        WHEN json_extract(exif, '$.camera_model') IS NULL THEN json_extract(exif, '$.camera_make')
        WHEN json_extract(exif, '$.camera_make') IS NULL OR instr(
            lower(json_extract(exif, '$.camera_model')), lower(json_extract(exif, '$.camera_make'))
        ) = 1 THEN json_extract(exif, '$.camera_model')
        ELSE json_extract(exif, '$.camera_make') || ' ' || json_extract(exif, '$.camera_model')
    END
) VIRTUAL;
CREATE INDEX items_by_camera ON items (camera) WHERE camera IS NOT NULL;
DROP INDEX labels_by_label;
CREATE INDEX labels_by_label ON labels (space_pk, label_set_pk, label, calibrated, applies)
    WHERE applies;
DROP INDEX scores_by_score;
CREATE INDEX scores_by_score ON scores (metric, score, item_pk);
"""


_TABLES_STRUCTURES = """
-- What a photo's file holds beside its first picture: frames, pages, films, alpha, bits a channel.
CREATE TABLE structures (
    item_pk   INTEGER PRIMARY KEY REFERENCES items ON DELETE CASCADE,
    version   TEXT NOT NULL,
    structure TEXT NOT NULL                     -- JSON object, {} of an ordinary file
) STRICT;
-- Files of kinds that are not read, when the source was last listed: suffix to number, JSON.
ALTER TABLE sources ADD COLUMN unread TEXT NOT NULL DEFAULT '{}';
"""


_TABLES_FACTS = """
-- Facts to filter by, from the EXIF data that is there; indexes of those that are set.
ALTER TABLE items ADD COLUMN lens TEXT GENERATED ALWAYS AS (CASE WHEN
    json_type(exif, '$.lens') = 'text' THEN json_extract(exif, '$.lens') END) VIRTUAL;
ALTER TABLE items ADD COLUMN iso REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.iso') IN ('integer', 'real')
    THEN json_extract(exif, '$.iso') END
) VIRTUAL;
ALTER TABLE items ADD COLUMN f_number REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.f_number') IN ('integer', 'real')
    THEN json_extract(exif, '$.f_number') END
) VIRTUAL;
ALTER TABLE items ADD COLUMN exposure_time REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.exposure_time') IN ('integer', 'real')
    THEN json_extract(exif, '$.exposure_time') END
) VIRTUAL;
ALTER TABLE items ADD COLUMN focal_length REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.focal_length') IN ('integer', 'real')
    THEN json_extract(exif, '$.focal_length') END
) VIRTUAL;
ALTER TABLE items ADD COLUMN latitude REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.latitude') IN ('integer', 'real')
    THEN json_extract(exif, '$.latitude') END
) VIRTUAL;
ALTER TABLE items ADD COLUMN longitude REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.longitude') IN ('integer', 'real')
    THEN json_extract(exif, '$.longitude') END
) VIRTUAL;
CREATE INDEX items_by_lens ON items (lens) WHERE lens IS NOT NULL;
CREATE INDEX items_by_iso ON items (iso) WHERE iso IS NOT NULL;
CREATE INDEX items_by_f_number ON items (f_number) WHERE f_number IS NOT NULL;
CREATE INDEX items_by_exposure_time ON items (exposure_time) WHERE exposure_time IS NOT NULL;
CREATE INDEX items_by_focal_length ON items (focal_length) WHERE focal_length IS NOT NULL;
CREATE INDEX items_by_place ON items (latitude, longitude) WHERE latitude IS NOT NULL;
CREATE INDEX items_by_shape ON items (kind, format, width, height);
CREATE INDEX items_undated ON items (kind) WHERE taken_at IS NULL;
DROP INDEX items_by_taken_at;
CREATE INDEX items_by_taken_at
    ON items (taken_at, coalesce(json_extract(exif, '$.subsecond'), 0))
    WHERE taken_at IS NOT NULL;

-- Names of files and folders without case and accents; functions: safelight.library.folding.
-- What filters ask of files, in rows so narrow that all of them are read in milliseconds.
CREATE TABLE folders (
    pk     INTEGER PRIMARY KEY,
    path   TEXT    NOT NULL UNIQUE,
    folded TEXT    NOT NULL
) STRICT;
CREATE TABLE file_facts (
    file_pk      INTEGER PRIMARY KEY REFERENCES files ON DELETE CASCADE,
    item_pk      INTEGER,
    namespace_pk INTEGER NOT NULL,
    gone         INTEGER NOT NULL,
    folder_pk    INTEGER NOT NULL REFERENCES folders,
    name         TEXT    NOT NULL
) STRICT;
CREATE INDEX file_facts_by_name ON file_facts (name);
CREATE INDEX file_facts_by_folder ON file_facts (folder_pk, gone, namespace_pk, item_pk);
CREATE VIRTUAL TABLE file_words USING fts5 (
    name, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER file_noted AFTER INSERT ON files BEGIN
    INSERT INTO folders (path, folded) SELECT folder_of(NEW.path), folded(folder_of(NEW.path))
        WHERE NOT EXISTS (SELECT 1 FROM folders WHERE path = folder_of(NEW.path));
    INSERT INTO file_facts
        SELECT NEW.pk, NEW.item_pk, NEW.namespace_pk, NEW.gone, pk, folded(name_of(NEW.path))
        FROM folders WHERE path = folder_of(NEW.path);
    INSERT INTO file_words (rowid, name) VALUES (NEW.pk, spaced(name_of(NEW.path)));
END;
CREATE TRIGGER file_moved AFTER UPDATE OF item_pk, namespace_pk, gone ON files
WHEN (OLD.item_pk, OLD.namespace_pk, OLD.gone) IS NOT (NEW.item_pk, NEW.namespace_pk, NEW.gone)
BEGIN
    UPDATE file_facts SET item_pk = NEW.item_pk, namespace_pk = NEW.namespace_pk, gone = NEW.gone
        WHERE file_pk = NEW.pk;
END;
CREATE TRIGGER file_renamed AFTER UPDATE OF path ON files WHEN OLD.path IS NOT NEW.path BEGIN
    INSERT INTO folders (path, folded) SELECT folder_of(NEW.path), folded(folder_of(NEW.path))
        WHERE NOT EXISTS (SELECT 1 FROM folders WHERE path = folder_of(NEW.path));
    UPDATE file_facts SET name = folded(name_of(NEW.path)),
        folder_pk = (SELECT pk FROM folders WHERE path = folder_of(NEW.path))
        WHERE file_pk = NEW.pk;
    UPDATE file_words SET name = spaced(name_of(NEW.path)) WHERE rowid = NEW.pk;
END;
CREATE TRIGGER file_forgotten AFTER DELETE ON files BEGIN
    DELETE FROM file_words WHERE rowid = OLD.pk;
END;
INSERT INTO folders (path, folded)
    SELECT folder, folded(folder) FROM (SELECT DISTINCT folder_of(path) AS folder FROM files);
INSERT INTO file_facts
    SELECT f.pk, f.item_pk, f.namespace_pk, f.gone, o.pk, folded(name_of(f.path))
    FROM files f JOIN folders o ON o.path = folder_of(f.path);
INSERT INTO file_words (rowid, name) SELECT pk, spaced(name_of(path)) FROM files;
"""


_TABLES_WORDS = f"""
-- Words that people wrote into photos or their sidecars.
ALTER TABLE items ADD COLUMN rating REAL GENERATED ALWAYS AS (
    CASE WHEN json_type(exif, '$.rating') = 'integer' THEN json_extract(exif, '$.rating') END
) VIRTUAL;
CREATE INDEX items_by_rating ON items (rating) WHERE rating IS NOT NULL;
CREATE TABLE keywords (
    item_pk INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    keyword TEXT    NOT NULL,
    PRIMARY KEY (item_pk, keyword)
) STRICT, WITHOUT ROWID;
CREATE INDEX keywords_by_keyword ON keywords (keyword);
CREATE VIRTUAL TABLE item_words USING fts5 (
    keywords, title, caption, prefix = '2 3', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER words_added AFTER INSERT ON items
WHEN NEW.exif LIKE '%"keywords":%' OR NEW.exif LIKE '%"title":%' OR NEW.exif LIKE '%"caption":%'
BEGIN
    INSERT INTO item_words (rowid, keywords, title, caption) SELECT NEW.pk,
        spaced((SELECT group_concat(value, ' ') FROM json_each(NEW.exif, '$.keywords'))),
        spaced(json_extract(NEW.exif, '$.title')), spaced(json_extract(NEW.exif, '$.caption'));
    INSERT INTO keywords SELECT DISTINCT NEW.pk, value FROM json_each(NEW.exif, '$.keywords')
        WHERE type = 'text';
END;
CREATE TRIGGER words_changed AFTER UPDATE OF exif ON items WHEN OLD.exif IS NOT NEW.exif BEGIN
    DELETE FROM item_words WHERE rowid = OLD.pk;
    DELETE FROM keywords WHERE item_pk = OLD.pk;
    INSERT INTO item_words (rowid, keywords, title, caption) SELECT NEW.pk,
        spaced((SELECT group_concat(value, ' ') FROM json_each(NEW.exif, '$.keywords'))),
        spaced(json_extract(NEW.exif, '$.title')), spaced(json_extract(NEW.exif, '$.caption'));
    INSERT INTO keywords SELECT DISTINCT NEW.pk, value FROM json_each(NEW.exif, '$.keywords')
        WHERE type = 'text';
END;
CREATE TRIGGER words_removed AFTER DELETE ON items BEGIN
    DELETE FROM item_words WHERE rowid = OLD.pk;
END;
-- They were not read before: the next ingest reads them, and embeds nothing.
UPDATE files SET sidecars = '{UNREAD}'
    WHERE item_pk IN (SELECT pk FROM items WHERE kind = 'photo');
"""


def _create(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_1)


def _add_scores(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_2)


def _add_labels(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_3)


def _add_duplicates(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_4)


def _add_server(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_5)


def _add_stores(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_STORES)
    connection.execute("INSERT INTO identity VALUES (?)", (uuid.uuid4().hex,))


def _index_counted(connection: sqlite3.Connection) -> None:
    _execute(connection, _INDEXES_COUNTED)


def _index_facets(connection: sqlite3.Connection) -> None:
    _execute(connection, _INDEXES_FACETS)


def _date_sources(connection: sqlite3.Connection) -> None:
    connection.execute("ALTER TABLE sources ADD COLUMN ingested_at TEXT")


def _add_structures(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_STRUCTURES)


def _add_times_of_files(connection: sqlite3.Connection) -> None:
    # When its namespace first had a photo: when another one had it is not for everybody to know.
    connection.execute("ALTER TABLE files ADD COLUMN added_at TEXT")


def _note_sidecars(connection: sqlite3.Connection) -> None:
    # Photos without any facts may have some in XMP, which was not read before.
    connection.execute("ALTER TABLE files ADD COLUMN sidecars TEXT")
    connection.execute(
        f"UPDATE files SET sidecars = '{UNREAD}' WHERE item_pk IN (SELECT pk FROM items "
        "WHERE kind = 'photo' AND taken_at IS NULL AND camera IS NULL)"
    )


def _mark_stale(connection: sqlite3.Connection) -> None:
    # Pale pictures on transparency were shown on white before, and could not be seen.
    connection.execute("ALTER TABLE embeddings ADD COLUMN stale INTEGER NOT NULL DEFAULT 0")
    connection.execute(
        "UPDATE embeddings SET stale = 1 WHERE item_pk IN (SELECT i.pk FROM items i "
        "LEFT JOIN structures s ON s.item_pk = i.pk WHERE i.kind = 'photo' AND "
        "(json_extract(s.structure, '$.alpha') "
        "OR (s.item_pk IS NULL AND i.format NOT IN ('JPEG', 'RAW'))))"
    )
    connection.execute("CREATE INDEX embeddings_stale ON embeddings (item_pk) WHERE stale")


def _log_changes(connection: sqlite3.Connection) -> None:
    _execute(connection, CHANGE_LOG)


def _add_facts(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_FACTS)


_TABLES_ANSWERS = """
-- Requests that came with an Idempotency-Key, and what they were answered; kept for a day.
CREATE TABLE answers (
    token      TEXT NOT NULL,                   -- id of the token; empty: none was needed
    key        TEXT NOT NULL,
    request    TEXT NOT NULL,                   -- digest of it
    owner      TEXT NOT NULL,                   -- the process that does it
    status     INTEGER,                         -- null: it is at work
    headers    TEXT,                            -- JSON object
    body       BLOB,                            -- deflated
    created_at TEXT NOT NULL,
    PRIMARY KEY (token, key)
) STRICT;
CREATE INDEX answers_by_age ON answers (created_at);
CREATE INDEX answers_of_token ON answers (token, created_at);
"""


def _keep_answers(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_ANSWERS)


def _add_words(connection: sqlite3.Connection) -> None:
    _execute(connection, _TABLES_WORDS)


def _execute(connection: sqlite3.Connection, script: str) -> None:
    for statement in _statements(script):
        connection.execute(statement)


def _statements(script: str) -> list[str]:
    # executescript() would commit the migration's transaction.
    statements, lines = [], ""
    for line in script.splitlines(keepends=True):
        lines += line
        if sqlite3.complete_statement(lines):
            statements.append(lines)
            lines = ""
    return statements


#: Step i brings a library from version i to i + 1. Released steps are never edited.
MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (
    _create,
    _add_scores,
    _add_labels,
    _add_duplicates,
    _add_server,
    _add_stores,
    _index_counted,
    _index_facets,
    _date_sources,
    _add_structures,
    _add_times_of_files,
    _note_sidecars,
    _mark_stale,
    _log_changes,
    _add_facts,
    _keep_answers,
    _add_words,
)

VERSION = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Bring the library at `path` to this program's version, in one transaction.

    Raises
    ------
    LibraryTooNew
        It was written by a newer safelight.
    LibraryError
        It is an SQLite file of something else.
    """
    if connection.execute("PRAGMA user_version").fetchone() == (VERSION,):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Under the lock: another process may be making or migrating the same library.
        for step in range(_version(connection, path), VERSION):
            MIGRATIONS[step](connection)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection, path: Path) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise LibraryTooNew(
            f"{path} was written by a newer safelight (library version {version}; this one "
            f"knows {VERSION}). Update safelight, or name another file.",
            path=str(path),
            version=version,
        )
    if version == 0:
        foreign = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if foreign:
            raise LibraryError(
                f"{path} is an SQLite file, but not a safelight library. Name another file.",
                path=str(path),
            )
    return int(version)


def new_epoch() -> str:
    """Return a name for a state of a space's embeddings that no other state has."""
    return uuid.uuid4().hex
