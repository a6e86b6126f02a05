DROP INDEX {audit_run};

DROP INDEX {runs_trigger};

DROP INDEX {runs_kind};

DROP INDEX {runs_schedule};

DROP INDEX {runs_ended};
