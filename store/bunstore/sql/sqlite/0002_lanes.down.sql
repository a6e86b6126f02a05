-- A run that holds a lane would not match its checksum without it: this fails while there is one.

INSERT INTO {migrations} (id, name, checksum, row_sum) SELECT 2, 'stop the runners first', zeroblob(32), 0 WHERE EXISTS (SELECT 1 FROM {runs} WHERE lane > 0);

CREATE INDEX {runs_resumed} ON {runs} (tenant_id, schedule_id) WHERE status = 'queued' AND attempt > 0;

DROP INDEX {runs_lane};

ALTER TABLE {runs} DROP COLUMN lane;
