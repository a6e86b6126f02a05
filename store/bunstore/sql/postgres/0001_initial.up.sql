-- Times are timestamptz, ids uuid. Text compares byte by byte, so that lists have one order
-- whatever the database's locale. Every row ends with row_sum, a checksum over it.

CREATE TABLE {migrations} (
  "id" bigint NOT NULL PRIMARY KEY,
  "name" text COLLATE "C" NOT NULL,
  "checksum" bytea NOT NULL,
  "applied_at" timestamptz,
  "row_sum" bigint NOT NULL
);

CREATE TABLE {schedules} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "name" text COLLATE "C",
  "name_key" text COLLATE "C" NOT NULL,
  "enabled" boolean NOT NULL DEFAULT false,
  "frequency" text COLLATE "C",
  "time_of_day" text COLLATE "C",
  "days_of_week" text COLLATE "C",
  "timezone" text COLLATE "C",
  "policy_types" text COLLATE "C",
  "include_foundations" boolean NOT NULL DEFAULT false,
  "retention_keep_last" bigint NOT NULL DEFAULT 0,
  "next_run_at" timestamptz,
  "last_run_at" timestamptz,
  "last_run_id" uuid,
  "last_run_status" text COLLATE "C",
  "created_at" timestamptz,
  "updated_at" timestamptz,
  "deleted_at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

-- A chunk of dispatching takes neighbours, so that it writes few pages.
CREATE INDEX {schedules_due} ON {schedules} (next_run_at, tenant_id, id) WHERE enabled AND deleted_at IS NULL;

CREATE INDEX {schedules_enabled} ON {schedules} (tenant_id, enabled, name_key, id) WHERE deleted_at IS NULL;

CREATE UNIQUE INDEX {schedules_id} ON {schedules} (id);

CREATE INDEX {schedules_name} ON {schedules} (tenant_id, name_key, id) WHERE deleted_at IS NULL;

CREATE TABLE {runs} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "kind" text COLLATE "C" NOT NULL,
  "trigger" text COLLATE "C",
  "actor_id" text COLLATE "C",
  "actor_name" text COLLATE "C",
  "status" text COLLATE "C" NOT NULL CHECK (status IN ('queued', 'running', 'success', 'partial', 'failed', 'canceled', 'skipped')),
  "key" text COLLATE "C",
  "schedule_id" uuid,
  "scheduled_for" timestamptz,
  "target_type" text COLLATE "C",
  "target_id" text COLLATE "C" NOT NULL DEFAULT '',
  "retry_of" uuid,
  "params" text COLLATE "C",
  "created_at" timestamptz,
  "updated_at" timestamptz,
  "started_at" timestamptz,
  "finished_at" timestamptz,
  "not_before" timestamptz,
  "attempt" bigint NOT NULL DEFAULT 0,
  "stalls" bigint NOT NULL DEFAULT 0,
  "error_code" text COLLATE "C",
  "error_message" text COLLATE "C",
  "total" bigint NOT NULL DEFAULT 0,
  "processed" bigint NOT NULL DEFAULT 0,
  "succeeded" bigint NOT NULL DEFAULT 0,
  "failed" bigint NOT NULL DEFAULT 0,
  "skipped" bigint NOT NULL DEFAULT 0,
  "backup_set_id" uuid,
  "summary" text COLLATE "C",
  "cancel_requested" boolean NOT NULL DEFAULT false,
  "canceled_by_id" text COLLATE "C",
  "canceled_by_name" text COLLATE "C",
  "lease_token" bigint NOT NULL DEFAULT 0,
  "lease_owner" text COLLATE "C",
  "lease_until" timestamptz,
  "processed_at_claim" bigint NOT NULL DEFAULT 0,
  "lane" bigint NOT NULL DEFAULT 0,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (id),
  UNIQUE (tenant_id, id),
  CONSTRAINT {runs_fk1} FOREIGN KEY (tenant_id, schedule_id) REFERENCES {schedules} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {runs_fk2} FOREIGN KEY (tenant_id, retry_of) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE INDEX {runs_created} ON {runs} (tenant_id, created_at, id);

CREATE UNIQUE INDEX {runs_slot} ON {runs} (tenant_id, schedule_id, scheduled_for) WHERE scheduled_for IS NOT NULL;

CREATE UNIQUE INDEX {runs_key} ON {runs} (tenant_id, "key") WHERE status IN ('queued', 'running');

CREATE UNIQUE INDEX {runs_running} ON {runs} (tenant_id, schedule_id) WHERE status = 'running' AND kind = 'backup';

CREATE UNIQUE INDEX {runs_lane} ON {runs} (tenant_id, lane) WHERE status = 'running' AND lane > 0;

CREATE INDEX {runs_active} ON {runs} (status, updated_at) WHERE status IN ('queued', 'running');

CREATE INDEX {runs_restores} ON {runs} (tenant_id, target_id) WHERE status IN ('queued', 'running') AND substr(kind, 1, 8) = 'restore.';

CREATE TABLE {run_items} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "run_id" uuid NOT NULL,
  "id" uuid NOT NULL,
  "policy_type" text COLLATE "C" NOT NULL,
  "policy_id" text COLLATE "C" NOT NULL DEFAULT '',
  "name" text COLLATE "C",
  "status" text COLLATE "C" NOT NULL,
  "reason" text COLLATE "C",
  "message" text COLLATE "C",
  "attempt" bigint NOT NULL DEFAULT 0,
  "backup_item_id" uuid,
  "target_id" text COLLATE "C" NOT NULL DEFAULT '',
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (run_id, id),
  CONSTRAINT {run_items_fk1} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX {run_items_policy} ON {run_items} (run_id, policy_id, policy_type);

CREATE TABLE {audit_log} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "seq" bigint NOT NULL,
  "id" uuid,
  "at" timestamptz,
  "actor_id" text COLLATE "C",
  "actor_name" text COLLATE "C",
  "action" text COLLATE "C",
  "resource_type" text COLLATE "C",
  "resource_id" text COLLATE "C" NOT NULL DEFAULT '',
  "run_id" uuid,
  "outcome" text COLLATE "C",
  "details" text COLLATE "C",
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, seq)
);

CREATE TABLE {notifications} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "recipient" text COLLATE "C",
  "run_id" uuid,
  "kind" text COLLATE "C",
  "status" text COLLATE "C",
  "code" text COLLATE "C",
  "message" text COLLATE "C",
  "created_at" timestamptz,
  "read_at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT {notifications_fk1} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE INDEX {notifications_recipient} ON {notifications} (tenant_id, recipient, created_at, id);

CREATE INDEX {notifications_unread} ON {notifications} (tenant_id, recipient) WHERE read_at IS NULL;

CREATE TABLE {policies} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "type" text COLLATE "C" NOT NULL,
  "external_id" text COLLATE "C" NOT NULL,
  "name" text COLLATE "C",
  "name_key" text COLLATE "C" NOT NULL,
  "last_seen_at" timestamptz,
  "gone_since" timestamptz,
  "current_version_id" uuid,
  "last_number" bigint NOT NULL DEFAULT 0,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX {policies_external} ON {policies} (tenant_id, type, external_id);

CREATE TABLE {payloads} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" bytea NOT NULL,
  "format" bigint NOT NULL DEFAULT 0,
  "raw_size" bigint NOT NULL DEFAULT 0,
  "stored_size" bigint NOT NULL DEFAULT 0,
  "data_sum" bigint NOT NULL DEFAULT 0,
  "row_sum" bigint NOT NULL,
  "data" bytea NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE {policy_versions} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "policy_id" uuid NOT NULL,
  "number" bigint NOT NULL DEFAULT 0,
  "hash" bytea NOT NULL,
  "payload_id" bytea NOT NULL,
  "name" text COLLATE "C",
  "captured_at" timestamptz,
  "run_id" uuid,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT {policy_versions_fk1} FOREIGN KEY (tenant_id, policy_id) REFERENCES {policies} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {policy_versions_fk2} FOREIGN KEY (tenant_id, payload_id) REFERENCES {payloads} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {policy_versions_fk3} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX {policy_versions_hash} ON {policy_versions} (policy_id, hash);

CREATE UNIQUE INDEX {policy_versions_number} ON {policy_versions} (policy_id, number);

CREATE UNIQUE INDEX {policy_versions_policy} ON {policy_versions} (tenant_id, policy_id, id);

CREATE INDEX {policy_versions_payload} ON {policy_versions} (payload_id);

CREATE TABLE {backup_sets} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "name" text COLLATE "C",
  "schedule_id" uuid,
  "run_id" uuid,
  "scheduled_for" timestamptz,
  "status" text COLLATE "C" NOT NULL CHECK (status IN ('building', 'complete', 'partial')),
  "revision" bigint NOT NULL DEFAULT 0,
  "items_count" bigint NOT NULL DEFAULT 0,
  "created_at" timestamptz,
  "completed_at" timestamptz,
  "deleted_at" timestamptz,
  "deleted_reason" text COLLATE "C",
  "purging_at" timestamptz,
  "last_verified_at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT {backup_sets_fk1} FOREIGN KEY (tenant_id, schedule_id) REFERENCES {schedules} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {backup_sets_fk2} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE INDEX {backup_sets_schedule} ON {backup_sets} (tenant_id, schedule_id, scheduled_for, id);

CREATE INDEX {backup_sets_created} ON {backup_sets} (tenant_id, created_at, id);

CREATE UNIQUE INDEX {backup_sets_id} ON {backup_sets} (id);

CREATE UNIQUE INDEX {backup_sets_run} ON {backup_sets} (tenant_id, run_id);

CREATE INDEX {backup_sets_deleted} ON {backup_sets} (id) WHERE deleted_at IS NOT NULL;

CREATE INDEX {backup_sets_group} ON {backup_sets} (schedule_id, tenant_id) WHERE deleted_at IS NULL AND status <> 'building';

CREATE TABLE {backup_manifests} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "set_id" uuid NOT NULL,
  "type" text COLLATE "C" NOT NULL,
  "position" bigint NOT NULL DEFAULT 0,
  "pages" text COLLATE "C",
  "listed" bigint NOT NULL DEFAULT 0,
  "captured" bigint NOT NULL DEFAULT 0,
  "failed" bigint NOT NULL DEFAULT 0,
  "skipped" bigint NOT NULL DEFAULT 0,
  "forbidden" boolean NOT NULL DEFAULT false,
  "complete" boolean NOT NULL DEFAULT false,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (set_id, type),
  CONSTRAINT {backup_manifests_fk1} FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT
);

CREATE TABLE {backup_holds} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "set_id" uuid NOT NULL,
  "name" text COLLATE "C" NOT NULL,
  "by_id" text COLLATE "C",
  "by_name" text COLLATE "C",
  "reason" text COLLATE "C",
  "at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (set_id, name),
  CONSTRAINT {backup_holds_fk1} FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT
);

CREATE TABLE {backup_items} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "set_id" uuid NOT NULL,
  "id" uuid NOT NULL,
  "policy_id" uuid NOT NULL,
  "version_id" uuid NOT NULL,
  "name" text COLLATE "C",
  "captured_at" timestamptz,
  "warnings" text COLLATE "C",
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (set_id, id),
  CONSTRAINT {backup_items_fk1} FOREIGN KEY (tenant_id, set_id) REFERENCES {backup_sets} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {backup_items_fk2} FOREIGN KEY (tenant_id, policy_id, version_id) REFERENCES {policy_versions} (tenant_id, policy_id, id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX {backup_items_id} ON {backup_items} (id);

CREATE UNIQUE INDEX {backup_items_policy} ON {backup_items} (policy_id, set_id);

-- How many rows each table has, spread over shards so that writers do not wait for each other.

CREATE TABLE {tallies} (
  "name" text COLLATE "C" NOT NULL,
  "shard" integer NOT NULL,
  "rows" bigint NOT NULL,
  PRIMARY KEY (name, shard)
) WITH (fillfactor = 50);

-- The last number of each tenant's audit log.

CREATE TABLE {audit_heads} (
  "tenant_id" text COLLATE "C" NOT NULL PRIMARY KEY,
  "seq" bigint NOT NULL
) WITH (fillfactor = 50);

-- References that go round in a circle, so that they are checked at the end of a transaction.

ALTER TABLE {schedules} ADD CONSTRAINT {schedules_fk1} FOREIGN KEY (tenant_id, last_run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;

ALTER TABLE {policies} ADD CONSTRAINT {policies_fk1} FOREIGN KEY (tenant_id, id, current_version_id) REFERENCES {policy_versions} (tenant_id, policy_id, id) ON DELETE RESTRICT DEFERRABLE INITIALLY DEFERRED;
