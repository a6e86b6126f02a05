-- The checksums are the exclusive or of the ones without these columns and their values. A version that
-- was kept for being a snapshot stays; a check says so when nothing needs it.

UPDATE {policy_versions} SET row_sum = (row_sum | snapshot) - (row_sum & snapshot) WHERE snapshot <> 0;

ALTER TABLE {policy_versions} DROP COLUMN snapshot;

UPDATE {backup_items} SET row_sum = (row_sum | revision) - (row_sum & revision) WHERE revision <> 0;

ALTER TABLE {backup_items} DROP COLUMN revision;

DROP TABLE {upload_chunks};

DROP TABLE {uploads};

DROP TABLE {restore_steps};

DROP TABLE {preview_items};

DROP TABLE {previews};

DELETE FROM {tallies} WHERE name IN ('upload_chunks', 'uploads', 'restore_steps', 'preview_items', 'previews');
