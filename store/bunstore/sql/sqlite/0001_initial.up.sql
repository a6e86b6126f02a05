-- Ids are 16 bytes (UUID), times microseconds since 1970 UTC, tenants and other outside
-- names 16 bytes where they are a UUID and text otherwise. Every row ends with row_sum.
-- Checks are written with OR: for IN with more than two values SQLite builds a table per row.

CREATE TABLE {migrations} (
  id INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  checksum BLOB NOT NULL,
  applied_at INTEGER,
  row_sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE {schedules} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  name_key TEXT NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 0,
  frequency TEXT,
  time_of_day TEXT,
  days_of_week TEXT,
  timezone TEXT,
  policy_types TEXT,
  include_foundations INTEGER NOT NULL DEFAULT 0,
  retention_keep_last INTEGER NOT NULL DEFAULT 0,
  next_run_at INTEGER,
  last_run_at INTEGER,
  last_run_id BLOB,
  last_run_status TEXT,
  created_at INTEGER,
  updated_at INTEGER,
  deleted_at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, last_run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

-- A chunk of dispatching takes neighbours, so that it writes few pages.
CREATE INDEX {schedules_due} ON {schedules} (next_run_at, tenant_id, id) WHERE enabled = 1 AND deleted_at IS NULL;

CREATE INDEX {schedules_enabled} ON {schedules} (tenant_id, enabled, name_key, id) WHERE deleted_at IS NULL;

CREATE UNIQUE INDEX {schedules_id} ON {schedules} (id);

CREATE INDEX {schedules_name} ON {schedules} (tenant_id, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE {runs} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  kind TEXT NOT NULL,
  "trigger" TEXT,
  actor_id TEXT,
  actor_name TEXT,
  status TEXT NOT NULL CHECK (status = 'queued' OR status = 'running' OR status = 'success' OR status = 'partial' OR status = 'failed' OR status = 'canceled' OR status = 'skipped'),
  "key" TEXT,
  schedule_id BLOB,
  scheduled_for INTEGER,
  target_type TEXT,
  target_id ANY NOT NULL DEFAULT '',
  retry_of BLOB,
  params TEXT,
  created_at INTEGER,
  updated_at INTEGER,
  started_at INTEGER,
  finished_at INTEGER,
  not_before INTEGER,
  attempt INTEGER NOT NULL DEFAULT 0,
  stalls INTEGER NOT NULL DEFAULT 0,
  error_code TEXT,
  error_message TEXT,
  total INTEGER NOT NULL DEFAULT 0,
  processed INTEGER NOT NULL DEFAULT 0,
  succeeded INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  backup_set_id BLOB,
  summary TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0,
  canceled_by_id TEXT,
  canceled_by_name TEXT,
  lease_token INTEGER NOT NULL DEFAULT 0,
  lease_owner TEXT,
  lease_until INTEGER,
  processed_at_claim INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (id, tenant_id),
  FOREIGN KEY (tenant_id, schedule_id) REFERENCES {schedules} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, retry_of) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT;

CREATE INDEX {runs_created} ON {runs} (tenant_id, created_at, id);

CREATE UNIQUE INDEX {runs_slot} ON {runs} (tenant_id, schedule_id, scheduled_for) WHERE scheduled_for IS NOT NULL;

CREATE UNIQUE INDEX {runs_key} ON {runs} (tenant_id, "key") WHERE status IN ('queued', 'running');

CREATE UNIQUE INDEX {runs_running} ON {runs} (tenant_id, schedule_id) WHERE status = 'running' AND kind = 'backup';

CREATE INDEX {runs_resumed} ON {runs} (tenant_id, schedule_id) WHERE status = 'queued' AND attempt > 0;

CREATE INDEX {runs_active} ON {runs} (status, updated_at) WHERE status IN ('queued', 'running');

CREATE INDEX {runs_restores} ON {runs} (tenant_id, target_id) WHERE status IN ('queued', 'running') AND substr(kind, 1, 8) = 'restore.';

CREATE TABLE {run_items} (
  tenant_id ANY NOT NULL,
  run_id BLOB NOT NULL,
  id BLOB NOT NULL,
  policy_type TEXT NOT NULL,
  policy_id ANY NOT NULL DEFAULT '',
  name TEXT,
  status TEXT NOT NULL,
  reason TEXT,
  message TEXT,
  attempt INTEGER NOT NULL DEFAULT 0,
  backup_item_id BLOB,
  target_id ANY NOT NULL DEFAULT '',
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (run_id, id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {run_items_policy} ON {run_items} (run_id, policy_id, policy_type);

CREATE TABLE {audit_log} (
  tenant_id ANY NOT NULL,
  seq INTEGER NOT NULL,
  id BLOB,
  at INTEGER,
  actor_id TEXT,
  actor_name TEXT,
  "action" TEXT,
  resource_type TEXT,
  resource_id ANY NOT NULL DEFAULT '',
  run_id BLOB,
  outcome TEXT,
  details TEXT,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE {notifications} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  recipient TEXT,
  run_id BLOB,
  kind TEXT,
  status TEXT,
  code TEXT,
  message TEXT,
  created_at INTEGER,
  read_at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE INDEX {notifications_recipient} ON {notifications} (tenant_id, recipient, created_at, id);

CREATE INDEX {notifications_unread} ON {notifications} (tenant_id, recipient) WHERE read_at IS NULL;

CREATE TABLE {policies} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  type TEXT NOT NULL,
  external_id ANY NOT NULL,
  name TEXT,
  name_key TEXT NOT NULL,
  last_seen_at INTEGER,
  gone_since INTEGER,
  current_version_id BLOB,
  last_number INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, id, current_version_id) REFERENCES {policy_versions} (tenant_id, policy_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {policies_external} ON {policies} (tenant_id, type, external_id);

CREATE TABLE {payloads} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  format INTEGER NOT NULL DEFAULT 0,
  raw_size INTEGER NOT NULL DEFAULT 0,
  stored_size INTEGER NOT NULL DEFAULT 0,
  data_sum INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL,
  data BLOB NOT NULL,
  PRIMARY KEY (tenant_id, id)
) STRICT;

CREATE TABLE {policy_versions} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  policy_id BLOB NOT NULL,
  number INTEGER NOT NULL DEFAULT 0,
  hash BLOB NOT NULL,
  payload_id BLOB NOT NULL,
  name TEXT,
  captured_at INTEGER,
  run_id BLOB,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, policy_id) REFERENCES {policies} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, payload_id) REFERENCES {payloads} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {policy_versions_hash} ON {policy_versions} (policy_id, hash);

CREATE UNIQUE INDEX {policy_versions_number} ON {policy_versions} (policy_id, number);

CREATE UNIQUE INDEX {policy_versions_policy} ON {policy_versions} (tenant_id, policy_id, id);

CREATE INDEX {policy_versions_payload} ON {policy_versions} (payload_id);

CREATE TABLE {backup_sets} (
  tenant_id ANY NOT NULL,
  id BLOB NOT NULL,
  name TEXT,
  schedule_id BLOB,
  run_id BLOB,
  scheduled_for INTEGER,
  status TEXT NOT NULL CHECK (status = 'building' OR status = 'complete' OR status = 'partial'),
  revision INTEGER NOT NULL DEFAULT 0,
  items_count INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER,
  completed_at INTEGER,
  deleted_at INTEGER,
  deleted_reason TEXT,
  purging_at INTEGER,
  last_verified_at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, schedule_id) REFERENCES {schedules} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE INDEX {backup_sets_schedule} ON {backup_sets} (tenant_id, schedule_id, scheduled_for, id);

CREATE INDEX {backup_sets_created} ON {backup_sets} (tenant_id, created_at, id);

CREATE UNIQUE INDEX {backup_sets_id} ON {backup_sets} (id);

CREATE UNIQUE INDEX {backup_sets_run} ON {backup_sets} (tenant_id, run_id);

CREATE INDEX {backup_sets_deleted} ON {backup_sets} (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX {backup_sets_group} ON {backup_sets} (schedule_id, tenant_id) WHERE deleted_at IS NULL AND status <> 'building';

CREATE TABLE {backup_manifests} (
  tenant_id ANY NOT NULL,
  set_id BLOB NOT NULL,
  type TEXT NOT NULL,
  position INTEGER NOT NULL DEFAULT 0,
  pages TEXT,
  listed INTEGER NOT NULL DEFAULT 0,
  captured INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  forbidden INTEGER NOT NULL DEFAULT 0,
  complete INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (set_id, type),
  FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE TABLE {backup_holds} (
  tenant_id ANY NOT NULL,
  set_id BLOB NOT NULL,
  name TEXT NOT NULL,
  by_id TEXT,
  by_name TEXT,
  reason TEXT,
  at INTEGER,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (set_id, name),
  FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE TABLE {backup_items} (
  tenant_id ANY NOT NULL,
  set_id BLOB NOT NULL,
  id BLOB NOT NULL,
  policy_id BLOB NOT NULL,
  version_id BLOB NOT NULL,
  name TEXT,
  captured_at INTEGER,
  warnings TEXT,
  row_sum INTEGER NOT NULL,
  PRIMARY KEY (set_id, id),
  FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT,
  FOREIGN KEY (tenant_id, policy_id, version_id) REFERENCES {policy_versions} (tenant_id, policy_id, id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX {backup_items_id} ON {backup_items} (id);

CREATE UNIQUE INDEX {backup_items_policy} ON {backup_items} (policy_id, set_id);

CREATE TABLE {tallies} (
  name TEXT NOT NULL PRIMARY KEY,
  rows INTEGER NOT NULL DEFAULT 0,
  row_sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
