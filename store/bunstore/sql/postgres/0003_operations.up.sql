-- An item that was added to a sealed set has the set's revision with it.

ALTER TABLE {backup_items} ADD COLUMN
  "revision" bigint NOT NULL DEFAULT 0;

-- A version that a snapshot was taken of stays, whatever sets are purged.

ALTER TABLE {policy_versions} ADD COLUMN
  "snapshot" bigint NOT NULL DEFAULT 0;

-- What restores would do, and how far they are. The set may be another tenant's, so no key refers to it.

CREATE TABLE {previews} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "run_id" uuid NOT NULL,
  "kind" text COLLATE "C" NOT NULL,
  "source_tenant" text COLLATE "C" NOT NULL,
  "set_id" uuid NOT NULL,
  "set_revision" bigint NOT NULL DEFAULT 0,
  "options" text COLLATE "C",
  "created_at" timestamptz,
  "ready_at" timestamptz,
  "creates" bigint NOT NULL DEFAULT 0,
  "changes" bigint NOT NULL DEFAULT 0,
  "unchanged" bigint NOT NULL DEFAULT 0,
  "skips" bigint NOT NULL DEFAULT 0,
  "blocked" bigint NOT NULL DEFAULT 0,
  "added" bigint NOT NULL DEFAULT 0,
  "removed" bigint NOT NULL DEFAULT 0,
  "restore_run_id" uuid,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, run_id),
  CONSTRAINT {previews_fk1} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT,
  CONSTRAINT {previews_fk2} FOREIGN KEY (tenant_id, restore_run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

CREATE INDEX {previews_set} ON {previews} (tenant_id, set_id, run_id);

CREATE TABLE {preview_items} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "preview_id" uuid NOT NULL,
  "item_id" uuid NOT NULL,
  "place" bigint NOT NULL DEFAULT 0,
  "type" text COLLATE "C" NOT NULL,
  "external_id" text COLLATE "C" NOT NULL,
  "name" text COLLATE "C",
  "version_id" uuid,
  "action" text COLLATE "C" NOT NULL,
  "reason" text COLLATE "C",
  "target_id" text COLLATE "C" NOT NULL DEFAULT '',
  "target_name" text COLLATE "C",
  "live_hash" bytea NOT NULL,
  "warnings" text COLLATE "C",
  "diff" text COLLATE "C",
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (preview_id, item_id),
  CONSTRAINT {preview_items_fk1} FOREIGN KEY (tenant_id, preview_id) REFERENCES {previews} (tenant_id, run_id) ON DELETE RESTRICT
);

CREATE UNIQUE INDEX {preview_items_place} ON {preview_items} (preview_id, place);

CREATE TABLE {restore_steps} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "run_id" uuid NOT NULL,
  "item_id" uuid NOT NULL,
  "type" text COLLATE "C" NOT NULL,
  "source_id" text COLLATE "C" NOT NULL DEFAULT '',
  "target_id" text COLLATE "C" NOT NULL DEFAULT '',
  "begun_at" timestamptz,
  "written_at" timestamptz,
  "assigned_at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (run_id, item_id),
  CONSTRAINT {restore_steps_fk1} FOREIGN KEY (tenant_id, run_id) REFERENCES {runs} (tenant_id, id) ON DELETE RESTRICT
);

-- Files that wait for their import.

CREATE TABLE {uploads} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "id" uuid NOT NULL,
  "size" bigint NOT NULL DEFAULT 0,
  "sha256" text COLLATE "C",
  "created_at" timestamptz,
  "ready_at" timestamptz,
  "row_sum" bigint NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX {uploads_id} ON {uploads} (id);

CREATE TABLE {upload_chunks} (
  "tenant_id" text COLLATE "C" NOT NULL,
  "upload_id" uuid NOT NULL,
  "number" bigint NOT NULL,
  "size" bigint NOT NULL DEFAULT 0,
  "data_sum" bigint NOT NULL DEFAULT 0,
  "row_sum" bigint NOT NULL,
  "data" bytea NOT NULL,
  PRIMARY KEY (upload_id, number),
  CONSTRAINT {upload_chunks_fk1} FOREIGN KEY (tenant_id, upload_id) REFERENCES {uploads} (tenant_id, id) ON DELETE RESTRICT
);
