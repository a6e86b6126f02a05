-- An item that was added to a sealed set has the set's revision with it.

ALTER TABLE {backup_items} ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;

-- A version that a snapshot was taken of stays, whatever sets are purged.

ALTER TABLE {policy_versions} ADD COLUMN snapshot INTEGER NOT NULL DEFAULT 0;

-- What restores would do, and how far they are. The set may be another tenant's, so no key refers to it.

CREATE TABLE {previews} (
  tenant_id ANY NOT NULL,
  run_id BLOB NOT NULL,
  kind TEXT NOT NULL,
  source_tenant ANY NOT NULL,
  set_id BLOB NOT NULL,
  set_revision INTEGER NOT NULL DEFAULT 0,
  options TEXT,
  created_at INTEGER,
  ready_at INTEGER,
  creates INTEGER NOT NULL DEFAULT 0,
  changes INTEGER NOT NULL DEFAULT 0,
  unchanged INTEGER NOT NULL DEFAULT 0,
  skips INTEGER NOT NULL DEFAULT 0,
  blocked INTEGER NOT NULL DEFAULT 0,
  added INTEGER NOT NULL DEFAULT 0,
  removed INTEGER NOT NULL DEFAULT 0,
  restore_run_id BLOB,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, run_id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, restore_run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE INDEX {previews_set} ON {previews} (tenant_id, set_id, run_id);

CREATE TABLE {preview_items} (
  tenant_id ANY NOT NULL,
  preview_id BLOB NOT NULL,
  item_id BLOB NOT NULL,
  place INTEGER NOT NULL DEFAULT 0,
  type TEXT NOT NULL,
  external_id ANY NOT NULL,
  name TEXT,
  version_id BLOB,
  action TEXT NOT NULL,
  reason TEXT,
  target_id ANY NOT NULL DEFAULT '',
  target_name TEXT,
  live_hash BLOB NOT NULL,
  warnings TEXT,
  diff TEXT,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (preview_id, item_id),
  FOREIGN KEY (tenant_id, preview_id) REFERENCES {previews} (tenant_id, run_id) ON DELETE RESTRICT
) STRICT;

CREATE UNIQUE INDEX {preview_items_place} ON {preview_items} (preview_id, place);

CREATE TABLE {restore_steps} (
  tenant_id ANY NOT NULL,
  run_id BLOB NOT NULL,
  item_id BLOB NOT NULL,
  type TEXT NOT NULL,
  source_id ANY NOT NULL DEFAULT '',
  target_id ANY NOT NULL DEFAULT '',
  begun_at INTEGER,
  written_at INTEGER,
  assigned_at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (run_id, item_id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

-- Files that wait for their import.

CREATE TABLE {uploads} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  size INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT,
  created_at INTEGER,
  ready_at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {uploads_id} ON {uploads} (id);

CREATE TABLE {upload_chunks} (
  tenant_id ANY NOT NULL,
  upload_id BLOB NOT NULL,
  number INTEGER NOT NULL,
  size INTEGER NOT NULL DEFAULT 0,
  data_sum INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (upload_id, number),
  FOREIGN KEY (tenant_id, upload_id) REFERENCES {uploads} (tenant_id, id) ON DELETE RESTRICT
) STRICT;
