-- Every entry of the audit log carries the hash of the one before it and its own. Entries from
-- before have none.

ALTER TABLE {audit_log} ADD COLUMN
  "prev_hash" bytea, ADD COLUMN
  "hash" bytea;

-- The hash of each tenant's last entry.

ALTER TABLE {audit_heads} ADD COLUMN
  "hash" bytea;

-- When the present attempt of a run began.

ALTER TABLE {runs} ADD COLUMN
  "attempt_started_at" timestamptz;
