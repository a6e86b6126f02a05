-- What lists of runs are filtered by. None of these indexes has the runs that a dispatch makes:
-- an ended run is added once, at its end, and backups by a schedule are in the list of all.

CREATE INDEX {runs_ended} ON {runs} (tenant_id, status, created_at, id) WHERE status <> 'queued' AND status <> 'running';

CREATE INDEX {runs_schedule} ON {runs} (tenant_id, schedule_id, created_at, id) WHERE status <> 'queued' AND status <> 'running';

CREATE INDEX {runs_kind} ON {runs} (tenant_id, kind, created_at, id) WHERE kind <> 'backup';

CREATE INDEX {runs_trigger} ON {runs} (tenant_id, "trigger", created_at, id) WHERE "trigger" <> 'schedule';

-- What happened in a run. Without it a page reads the tenant's whole log.

CREATE INDEX {audit_run} ON {audit_log} (tenant_id, run_id, seq) WHERE run_id IS NOT NULL;
