-- Children first: foreign keys restrict.

DROP TABLE {tallies};

DROP TABLE {backup_items};

DROP TABLE {backup_holds};

DROP TABLE {backup_manifests};

DROP TABLE {backup_sets};

UPDATE {policies} SET current_version_id = NULL;

DROP TABLE {policy_versions};

DROP TABLE {payloads};

DROP TABLE {policies};

DROP TABLE {notifications};

DROP TABLE {audit_log};

DROP TABLE {run_items};

UPDATE {schedules} SET last_run_id = NULL;

UPDATE {runs} SET retry_of = NULL;

DROP TABLE {runs};

DROP TABLE {schedules};

DROP TABLE {migrations};
