DROP INDEX {audit_action};

DROP INDEX {audit_resource};

DROP INDEX {runs_batch};

-- The checksum of a run is the exclusive or of the one without this column and the two halves of its
-- value, as numbers.

WITH hexadecimal AS (
  SELECT tenant_id AS t, id AS i, hex(batch_id) AS h FROM {runs} WHERE batch_id IS NOT NULL
), halves AS (
  SELECT t, i,
      (instr('0123456789ABCDEF', substr(h, 1, 1)) - 1 << 60) | (instr('0123456789ABCDEF', substr(h, 2, 1)) - 1 << 56) |
      (instr('0123456789ABCDEF', substr(h, 3, 1)) - 1 << 52) | (instr('0123456789ABCDEF', substr(h, 4, 1)) - 1 << 48) |
      (instr('0123456789ABCDEF', substr(h, 5, 1)) - 1 << 44) | (instr('0123456789ABCDEF', substr(h, 6, 1)) - 1 << 40) |
      (instr('0123456789ABCDEF', substr(h, 7, 1)) - 1 << 36) | (instr('0123456789ABCDEF', substr(h, 8, 1)) - 1 << 32) |
      (instr('0123456789ABCDEF', substr(h, 9, 1)) - 1 << 28) | (instr('0123456789ABCDEF', substr(h, 10, 1)) - 1 << 24) |
      (instr('0123456789ABCDEF', substr(h, 11, 1)) - 1 << 20) | (instr('0123456789ABCDEF', substr(h, 12, 1)) - 1 << 16) |
      (instr('0123456789ABCDEF', substr(h, 13, 1)) - 1 << 12) | (instr('0123456789ABCDEF', substr(h, 14, 1)) - 1 << 8) |
      (instr('0123456789ABCDEF', substr(h, 15, 1)) - 1 << 4) | (instr('0123456789ABCDEF', substr(h, 16, 1)) - 1 << 0) AS a,
      (instr('0123456789ABCDEF', substr(h, 17, 1)) - 1 << 60) | (instr('0123456789ABCDEF', substr(h, 18, 1)) - 1 << 56) |
      (instr('0123456789ABCDEF', substr(h, 19, 1)) - 1 << 52) | (instr('0123456789ABCDEF', substr(h, 20, 1)) - 1 << 48) |
      (instr('0123456789ABCDEF', substr(h, 21, 1)) - 1 << 44) | (instr('0123456789ABCDEF', substr(h, 22, 1)) - 1 << 40) |
      (instr('0123456789ABCDEF', substr(h, 23, 1)) - 1 << 36) | (instr('0123456789ABCDEF', substr(h, 24, 1)) - 1 << 32) |
      (instr('0123456789ABCDEF', substr(h, 25, 1)) - 1 << 28) | (instr('0123456789ABCDEF', substr(h, 26, 1)) - 1 << 24) |
      (instr('0123456789ABCDEF', substr(h, 27, 1)) - 1 << 20) | (instr('0123456789ABCDEF', substr(h, 28, 1)) - 1 << 16) |
      (instr('0123456789ABCDEF', substr(h, 29, 1)) - 1 << 12) | (instr('0123456789ABCDEF', substr(h, 30, 1)) - 1 << 8) |
      (instr('0123456789ABCDEF', substr(h, 31, 1)) - 1 << 4) | (instr('0123456789ABCDEF', substr(h, 32, 1)) - 1 << 0) AS b
  FROM hexadecimal
), folds AS (
  SELECT t, i, (a | b) - (a & b) AS f FROM halves
)
UPDATE {runs} SET row_sum = (row_sum | f) - (row_sum & f) FROM folds WHERE tenant_id = t AND id = i;

ALTER TABLE {runs} DROP COLUMN batch_id;
