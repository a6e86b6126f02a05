-- Which of the tenant's lanes a running run holds; the lanes bound how many use Graph at once.

ALTER TABLE {runs} ADD COLUMN lane INTEGER NOT NULL DEFAULT 0;

CREATE UNIQUE INDEX {runs_lane} ON {runs} (tenant_id, lane) WHERE status = 'running' AND lane > 0;

-- Who else waits is asked of all active runs of the tenant at once now.

DROP INDEX {runs_resumed};
