"""Schema of the change log, and the triggers that write it and the outbox of vector stores.

Triggers, so that nothing that writes to a library has to think of who reads what changed, or could
forget to. One list of events serves both readers: each is a row put into the view ``changed``.
"""

from __future__ import annotations

CHANGE_LOG = """
-- The last change of each photo in each namespace. Who knows all up to a number asks for what is
-- above it: every photo comes at most once, however often it changed. Numbers are given in the
-- order of commits, and never twice: the row of the last number is never deleted.
CREATE TABLE changes (
    pk           INTEGER PRIMARY KEY,           -- number of the last change
    item_pk      INTEGER,                       -- null: forgotten
    namespace_pk INTEGER,
    item_id      TEXT,                          -- of a photo that is forgotten
    namespace    TEXT,                          -- if the namespace is forgotten as well
    present      INTEGER NOT NULL,              -- has a file there that is not missing
    added        INTEGER NOT NULL,              -- numbers of the last change of each kind
    files        INTEGER NOT NULL,
    facts        INTEGER NOT NULL,
    scores       INTEGER NOT NULL,
    labels       INTEGER NOT NULL,
    UNIQUE (item_pk, namespace_pk)
) STRICT;
CREATE INDEX changes_forgotten ON changes (pk) WHERE item_pk IS NULL;

-- The greatest number of a forgotten photo that is no longer remembered.
CREATE TABLE changes_pruned (pk INTEGER NOT NULL) STRICT;
INSERT INTO changes_pruned VALUES (0);

INSERT INTO changes
    SELECT row_number() OVER (), item_pk, namespace_pk, NULL, NULL, present, number, number,
        number, number, number
    FROM (
        SELECT f.item_pk, f.namespace_pk, max(NOT f.gone) AS present,
            row_number() OVER (ORDER BY f.item_pk, f.namespace_pk) AS number
        FROM files f JOIN items i ON i.pk = f.item_pk AND i.kind = 'photo'
        GROUP BY f.item_pk, f.namespace_pk ORDER BY f.item_pk, f.namespace_pk
    );

DROP TRIGGER changed_item;
DROP TRIGGER embedding_added;
DROP TRIGGER item_removed;
DROP TRIGGER file_added;
DROP TRIGGER file_removed;
DROP TRIGGER file_changed;
DROP TRIGGER metadata_added;
DROP TRIGGER metadata_removed;
DROP TRIGGER score_added;
DROP TRIGGER score_changed;
DROP TRIGGER labels_added;
DROP TRIGGER labels_removed;
DROP VIEW changed;

-- An item inserted here changed: in one namespace, or (null) in all that have it. What changed is
-- 'files', 'facts', 'scores' or 'labels'; or 'vector', which stores alone need to know.
CREATE VIEW changed AS SELECT NULL AS item_pk, NULL AS namespace_pk, NULL AS what WHERE 0;
CREATE TRIGGER changed_item INSTEAD OF INSERT ON changed BEGIN
    DELETE FROM outbox WHERE item_id = (SELECT id FROM items WHERE pk = NEW.item_pk);
    INSERT INTO outbox (store_pk, item_id)
        SELECT stores.pk, items.id FROM stores, items WHERE items.pk = NEW.item_pk;
    INSERT INTO changes (
        pk, item_pk, namespace_pk, present, added, files, facts, scores, labels
    )
        SELECT n.pk, NEW.item_pk, n.namespace_pk, n.present, n.pk, n.pk, n.pk, n.pk, n.pk
        FROM (
            SELECT h.namespace_pk,
                (SELECT coalesce(max(pk), 0) FROM changes) + row_number() OVER () AS pk,
                EXISTS (
                    -- With the plus, by item: the index by namespace has all of its files.
                    SELECT 1 FROM files f WHERE f.item_pk = NEW.item_pk
                    AND +f.namespace_pk = h.namespace_pk AND NOT f.gone
                ) AS present
            FROM (
                SELECT NEW.namespace_pk AS namespace_pk WHERE NEW.namespace_pk IS NOT NULL
                UNION SELECT namespace_pk FROM files
                WHERE NEW.namespace_pk IS NULL AND item_pk = NEW.item_pk
            ) h
            WHERE NEW.what != 'vector'
            AND EXISTS (SELECT 1 FROM items WHERE pk = NEW.item_pk AND kind = 'photo')
        ) n WHERE 1
        ON CONFLICT (item_pk, namespace_pk) DO UPDATE SET
            pk = excluded.pk,
            present = excluded.present,
            added = iif(excluded.present > present, excluded.pk, added),
            files = iif(NEW.what = 'files', excluded.pk, files),
            facts = iif(NEW.what = 'facts', excluded.pk, facts),
            scores = iif(NEW.what = 'scores', excluded.pk, scores),
            labels = iif(NEW.what = 'labels', excluded.pk, labels);
END;

CREATE TRIGGER embedding_added AFTER INSERT ON embeddings
WHEN EXISTS (SELECT 1 FROM stores) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NULL, 'vector');
END;
CREATE TRIGGER item_changed AFTER UPDATE ON items
WHEN (OLD.exif, OLD.taken_at, OLD.width, OLD.height, OLD.format)
    IS NOT (NEW.exif, NEW.taken_at, NEW.width, NEW.height, NEW.format) BEGIN
    INSERT INTO changed VALUES (NEW.pk, NULL, 'facts');
END;
CREATE TRIGGER item_removed BEFORE DELETE ON items BEGIN
    INSERT INTO changed VALUES (OLD.pk, NULL, 'files');
    UPDATE changes SET item_pk = NULL, item_id = OLD.id, present = 0 WHERE item_pk = OLD.pk;
END;
CREATE TRIGGER namespace_removed BEFORE DELETE ON namespaces BEGIN
    UPDATE changes SET
        namespace_pk = NULL,
        namespace = OLD.name,
        present = 0,
        item_id = coalesce(item_id, (SELECT id FROM items WHERE pk = item_pk)),
        item_pk = NULL
    WHERE namespace_pk = OLD.pk;
END;
CREATE TRIGGER file_added AFTER INSERT ON files WHEN NEW.item_pk IS NOT NULL BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NEW.namespace_pk, 'files');
END;
CREATE TRIGGER file_removed AFTER DELETE ON files WHEN OLD.item_pk IS NOT NULL BEGIN
    INSERT INTO changed VALUES (OLD.item_pk, OLD.namespace_pk, 'files');
END;
CREATE TRIGGER file_left AFTER UPDATE ON files
WHEN OLD.item_pk IS NOT NULL
    AND (OLD.item_pk, OLD.namespace_pk) IS NOT (NEW.item_pk, NEW.namespace_pk) BEGIN
    INSERT INTO changed VALUES (OLD.item_pk, OLD.namespace_pk, 'files');
END;
CREATE TRIGGER file_changed AFTER UPDATE ON files
WHEN NEW.item_pk IS NOT NULL
    AND (OLD.item_pk, OLD.namespace_pk, OLD.path, OLD.gone)
    IS NOT (NEW.item_pk, NEW.namespace_pk, NEW.path, NEW.gone) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NEW.namespace_pk, 'files');
END;
CREATE TRIGGER metadata_added AFTER INSERT ON metadata BEGIN
    INSERT INTO changed SELECT item_pk, namespace_pk, 'files' FROM files
        WHERE pk = NEW.file_pk AND item_pk IS NOT NULL;
END;
CREATE TRIGGER metadata_removed AFTER DELETE ON metadata BEGIN
    INSERT INTO changed SELECT item_pk, namespace_pk, 'files' FROM files
        WHERE pk = OLD.file_pk AND item_pk IS NOT NULL;
END;
CREATE TRIGGER score_added AFTER INSERT ON scores BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NULL, 'scores');
END;
CREATE TRIGGER score_changed AFTER UPDATE ON scores
WHEN (OLD.score, OLD.value, OLD.status, OLD.reason)
    IS NOT (NEW.score, NEW.value, NEW.status, NEW.reason) BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NULL, 'scores');
END;
CREATE TRIGGER score_removed AFTER DELETE ON scores BEGIN
    INSERT INTO changed VALUES (OLD.item_pk, NULL, 'scores');
END;
CREATE TRIGGER labels_added AFTER INSERT ON labelled BEGIN
    INSERT INTO changed VALUES (NEW.item_pk, NULL, 'labels');
END;
CREATE TRIGGER labels_removed AFTER DELETE ON labelled BEGIN
    INSERT INTO changed VALUES (OLD.item_pk, NULL, 'labels');
END;
-- Of several sets and models, the one used last, and the one searched with, tell the labels.
CREATE TRIGGER label_set_used AFTER UPDATE OF used_at ON label_sets
WHEN EXISTS (
    SELECT 1 FROM label_sets s WHERE s.pk != NEW.pk AND (s.used_at > OLD.used_at)
) BEGIN
    INSERT INTO changed SELECT DISTINCT item_pk, NULL, 'labels' FROM labelled
        WHERE label_set_pk = NEW.pk;
END;
CREATE TRIGGER space_chosen AFTER UPDATE OF is_default ON spaces
WHEN OLD.is_default != NEW.is_default BEGIN
    INSERT INTO changed SELECT DISTINCT item_pk, NULL, 'labels' FROM labelled
        WHERE space_pk = NEW.pk;
END;
"""
