-- The checksum of a run is the exclusive or of the one without this column and its value.

UPDATE {runs} SET row_sum = (row_sum | attempt_started_at) - (row_sum & attempt_started_at) WHERE attempt_started_at IS NOT NULL;

ALTER TABLE {runs} DROP COLUMN attempt_started_at;

DROP TABLE {audit_heads};

DELETE FROM {tallies} WHERE name = 'audit_heads';

ALTER TABLE {audit_log} DROP COLUMN hash;

ALTER TABLE {audit_log} DROP COLUMN prev_hash;
