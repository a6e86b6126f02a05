-- One statement, since references go round in a circle.

DROP TABLE {audit_heads}, {tallies}, {backup_items}, {backup_holds}, {backup_manifests}, {backup_sets}, {policy_versions}, {payloads}, {policies}, {notifications}, {audit_log}, {run_items}, {runs}, {schedules}, {migrations};
