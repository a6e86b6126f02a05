DROP INDEX {audit_action};

DROP INDEX {audit_resource};

DROP INDEX {runs_batch};

-- The checksum of a run is the exclusive or of the one without this column and the two halves of its
-- value, as numbers.

UPDATE {runs} SET row_sum = row_sum
    # ('x' || substr(replace(batch_id::text, '-', ''), 1, 16))::bit(64)::bigint
    # ('x' || substr(replace(batch_id::text, '-', ''), 17, 16))::bit(64)::bigint
  WHERE batch_id IS NOT NULL;

ALTER TABLE {runs} DROP COLUMN batch_id;
