-- The checksum of a run is the exclusive or of the one without this column and its value in microseconds.

UPDATE {runs} SET row_sum = row_sum # CAST(extract(epoch FROM attempt_started_at) * 1000000 AS bigint) WHERE attempt_started_at IS NOT NULL;

ALTER TABLE {runs} DROP COLUMN attempt_started_at;

ALTER TABLE {audit_heads} DROP COLUMN hash;

ALTER TABLE {audit_log} DROP COLUMN hash, DROP COLUMN prev_hash;
