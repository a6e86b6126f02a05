-- Which runs were started by one call, to tell about them once.

ALTER TABLE {runs} ADD COLUMN
  "batch_id" uuid;

CREATE INDEX {runs_batch} ON {runs} (tenant_id, batch_id) WHERE batch_id IS NOT NULL;

-- What the audit log is filtered by. The actions that every backup writes are left out: there is
-- no need to look for them.

CREATE INDEX {audit_resource} ON {audit_log} (tenant_id, resource_id, seq) WHERE resource_id <> '';

CREATE INDEX {audit_action} ON {audit_log} (tenant_id, "action", seq)
  WHERE "action" <> 'run.started' AND "action" <> 'run.finished' AND "action" <> 'backup.created' AND "action" <> 'retention.applied';
