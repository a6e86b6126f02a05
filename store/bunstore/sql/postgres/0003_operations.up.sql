-- An item that was added to a sealed set has the set's revision with it.

ALTER TABLE {backup_items} ADD COLUMN
  "revision" bigint NOT NULL DEFAULT 0;

-- A version that a snapshot was taken of stays, whatever sets are purged.

ALTER TABLE {policy_versions} ADD COLUMN
  "snapshot" bigint NOT NULL DEFAULT 0;
