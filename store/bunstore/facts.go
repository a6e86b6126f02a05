package bunstore

// fact is something that always holds, as a query for (tenant, id) of the rows for which it
// does not. What foreign keys and unique indexes promise is left to the database's check.
type fact struct {
	code, table, detail, query string
}

func facts() []fact {
	return []fact{
		{problemCount, "runs", "the counts are not those of the stored items", `
			SELECT t.tenant_id, t.id FROM {runs} AS t
			LEFT JOIN (SELECT run_id, count(*) AS items, count(CASE WHEN status = 'success' THEN 1 END) AS good, count(CASE WHEN status = 'failed' THEN 1 END) AS bad, count(CASE WHEN status = 'skipped' THEN 1 END) AS skips
				FROM {run_items} GROUP BY run_id) AS i ON i.run_id = t.id
			WHERE t.processed <> coalesce(i.items, 0) OR t.succeeded <> coalesce(i.good, 0)
				OR t.failed <> coalesce(i.bad, 0) OR t.skipped <> coalesce(i.skips, 0)`},
		{problemCount, "backup_sets", "the count is not that of the stored items", `
			SELECT t.tenant_id, t.id FROM {backup_sets} AS t
			WHERE t.items_count <> (SELECT count(*) FROM {backup_items} AS i WHERE i.set_id = t.id)`},
		{problemCount, "backup_manifests", "the manifest of a sealed set is not the account of its items", `
			SELECT t.tenant_id, t.set_id FROM {backup_manifests} AS t
			JOIN {backup_sets} AS s ON s.tenant_id = t.tenant_id AND s.id = t.set_id
			LEFT JOIN (SELECT i.set_id, p.type, count(*) AS items FROM {backup_items} AS i
				JOIN {policies} AS p ON p.tenant_id = i.tenant_id AND p.id = i.policy_id GROUP BY i.set_id, p.type) AS n
				ON n.set_id = t.set_id AND n.type = t.type
			WHERE s.status <> 'building' AND s.purging_at IS NULL AND t.captured <> coalesce(n.items, 0)`},
		{problemCount, "backup_sets", "a sealed set has items of a type without a manifest", `
			SELECT DISTINCT t.tenant_id, t.id FROM {backup_sets} AS t
			JOIN {backup_items} AS i ON i.set_id = t.id
			JOIN {policies} AS p ON p.tenant_id = i.tenant_id AND p.id = i.policy_id
			WHERE t.status <> 'building' AND NOT EXISTS (SELECT 1 FROM {backup_manifests} AS m WHERE m.set_id = t.id AND m.type = p.type)`},
		{problemCount, "backup_items", "the item came with a revision that the set never had", `
			SELECT t.tenant_id, t.id FROM {backup_items} AS t
			JOIN {backup_sets} AS s ON s.tenant_id = t.tenant_id AND s.id = t.set_id
			WHERE t.revision < 0 OR t.revision = 1 OR t.revision > 1 AND t.revision > s.revision`},
		{problemReference, "backup_sets", "the run that made the set does not name it", `
			SELECT t.tenant_id, t.id FROM {backup_sets} AS t
			WHERE NOT EXISTS (SELECT 1 FROM {runs} AS r WHERE r.tenant_id = t.tenant_id AND r.id = t.run_id AND r.backup_set_id = t.id)`},
		{problemReference, "run_items", "the item names a backup item that is not in the run's set", `
			SELECT t.tenant_id, t.id FROM {run_items} AS t
			JOIN {backup_sets} AS s ON s.tenant_id = t.tenant_id AND s.run_id = t.run_id AND s.purging_at IS NULL
			WHERE t.backup_item_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM {backup_items} AS i WHERE i.set_id = s.id AND i.id = t.backup_item_id)`},
		{problemReference, "schedules", "the last run is not the run that it names", `
			SELECT t.tenant_id, t.id FROM {schedules} AS t
			WHERE t.last_run_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {runs} AS r WHERE r.tenant_id = t.tenant_id
				AND r.id = t.last_run_id AND r.schedule_id = t.id AND r.finished_at = t.last_run_at AND r.status = t.last_run_status)`},
		{problemReference, "schedules", "a backup finished after the last run", `
			SELECT t.tenant_id, t.id FROM {schedules} AS t
			JOIN (SELECT tenant_id, schedule_id, max(finished_at) AS last FROM {runs}
				WHERE kind = 'backup' AND schedule_id IS NOT NULL AND finished_at IS NOT NULL GROUP BY tenant_id, schedule_id) AS r
				ON r.tenant_id = t.tenant_id AND r.schedule_id = t.id
			WHERE t.last_run_at IS NULL OR r.last > t.last_run_at`},
		{problemMissing, "audit_log", "the numbers of the tenant's entries have a gap; the id is the last number", `
			SELECT tenant_id, max(seq) FROM {audit_log} GROUP BY tenant_id HAVING count(*) <> max(seq)`},
		{problemCount, "policies", "a version has a higher number than the policy ever gave", `
			SELECT t.tenant_id, t.id FROM {policies} AS t
			WHERE t.last_number < (SELECT coalesce(max(v.number), 0) FROM {policy_versions} AS v WHERE v.policy_id = t.id)`},
		{problemUnused, "policy_versions", "neither a set nor its policy needs the version, and it is no snapshot", `
			SELECT t.tenant_id, t.id FROM {policy_versions} AS t
			WHERE t.snapshot = 0 AND NOT EXISTS (SELECT 1 FROM {backup_items} AS i WHERE i.policy_id = t.policy_id AND i.version_id = t.id)
				AND NOT EXISTS (SELECT 1 FROM {policies} AS p WHERE p.tenant_id = t.tenant_id AND p.id = t.policy_id AND p.current_version_id = t.id)`},
		{problemUnused, "payloads", "no version needs the payload", `
			SELECT t.tenant_id, t.id FROM {payloads} AS t
			WHERE NOT EXISTS (SELECT 1 FROM {policy_versions} AS v WHERE v.tenant_id = t.tenant_id AND v.payload_id = t.id)`},
		{problemCount, "previews", "the totals of the preview are not those of its items", `
			SELECT t.tenant_id, t.run_id FROM {previews} AS t
			LEFT JOIN (SELECT preview_id, count(*) AS items, count(CASE WHEN action = 'create' THEN 1 END) AS creates, count(CASE WHEN action = 'change' THEN 1 END) AS changes,
				count(CASE WHEN action = 'unchanged' THEN 1 END) AS unchanged, count(CASE WHEN action = 'skip' THEN 1 END) AS skips,
				count(CASE WHEN action = 'blocked' THEN 1 END) AS blocked, count(CASE WHEN action = 'added' THEN 1 END) AS added
				FROM {preview_items} GROUP BY preview_id) AS i ON i.preview_id = t.run_id
			WHERE t.ready_at IS NOT NULL AND (t.creates <> coalesce(i.creates, 0) OR t.changes <> coalesce(i.changes, 0)
				OR t.unchanged <> coalesce(i.unchanged, 0) OR t.skips <> coalesce(i.skips, 0) OR t.blocked <> coalesce(i.blocked, 0)
				OR t.added <> coalesce(i.added, 0) OR t.creates + t.changes + t.unchanged + t.skips + t.blocked + t.added + t.removed <> coalesce(i.items, 0))`},
		{problemReference, "previews", "the preview is of a set that the tenant does not have", `
			SELECT t.tenant_id, t.run_id FROM {previews} AS t
			WHERE t.source_tenant = t.tenant_id AND NOT EXISTS (SELECT 1 FROM {backup_sets} AS s WHERE s.tenant_id = t.tenant_id AND s.id = t.set_id)`},
		{problemCount, "uploads", "the chunks of the upload are not the whole file", `
			SELECT t.tenant_id, t.id FROM {uploads} AS t
			LEFT JOIN (SELECT upload_id, count(*) AS chunks, max(number) AS last, sum(size) AS size FROM {upload_chunks} GROUP BY upload_id) AS c ON c.upload_id = t.id
			WHERE t.ready_at IS NOT NULL AND (coalesce(c.size, 0) <> t.size OR coalesce(c.last, -1) <> coalesce(c.chunks, 0) - 1)`},
	}
}
