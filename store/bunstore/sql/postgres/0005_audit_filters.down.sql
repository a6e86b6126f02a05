DROP INDEX {audit_at};

DROP INDEX {audit_actor};
