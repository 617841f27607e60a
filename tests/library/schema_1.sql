-- The schema of library version 1, by which migrations are tested; never edited.
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

-- What a source said of a file: labels and further columns.
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
