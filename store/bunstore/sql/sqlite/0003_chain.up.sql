-- Every entry of the audit log carries the hash of the one before it and its own. Entries from
-- before have none.

ALTER TABLE {audit_log} ADD COLUMN prev_hash BLOB;

ALTER TABLE {audit_log} ADD COLUMN hash BLOB;

-- The last entry of each tenant. A tenant has none before its first entry with a hash.

CREATE TABLE {audit_heads} (
  tenant_id ANY NOT NULL PRIMARY KEY,
  seq INTEGER NOT NULL DEFAULT 0,
  hash BLOB,
  row_sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When the present attempt of a run began.

ALTER TABLE {runs} ADD COLUMN attempt_started_at INTEGER;
