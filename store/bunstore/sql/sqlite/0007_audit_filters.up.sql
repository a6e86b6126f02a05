-- What one person did. The engine, which writes most of the log, is left out: there is no need to
-- look for it.

CREATE INDEX {audit_actor} ON {audit_log} (tenant_id, actor_id, seq) WHERE actor_id <> 'system';

-- What happened at a time. The numbers of a log need not be in the order of its times, so this
-- index finds the numbers, with what else may be asked for.

CREATE INDEX {audit_at} ON {audit_log} (tenant_id, at, seq, "action", actor_id);
