package bunstore

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// tableExists tells whether the name is that of a table on the search path.
func (postgresDialect) tableExists(ctx context.Context, q querier, name string) (bool, error) {
	n, err := count(ctx, q, "SELECT count(*) FROM pg_class WHERE oid = to_regclass(?) AND relkind = 'r'", `"`+name+`"`)
	return n > 0, err
}

// reference is a foreign key of a migration.
var reference = regexp.MustCompile(`(?s)(?:CREATE TABLE|ALTER TABLE) "(\w+)"|FOREIGN KEY \(([\w, ]+)\) REFERENCES "(\w+)" \(([\w, ]+)\)`)

// selfCheck looks for rows that name one which is not there: what the foreign keys forbid,
// and what somebody who has switched them off could have done all the same. Pages and
// indexes are for the operator's pg_amcheck.
func (d postgresDialect) selfCheck(ctx context.Context, q querier, found func(code, table, detail string), prefix string) error {
	n, err := count(ctx, q, withPrefix(`SELECT count(*) FROM {audit_heads} AS h
		FULL JOIN (SELECT tenant_id, max(seq) AS seq FROM {audit_log} GROUP BY tenant_id) AS l ON l.tenant_id = h.tenant_id
		WHERE h.seq IS DISTINCT FROM l.seq`, prefix))
	if err != nil {
		return err
	}
	if n > 0 {
		found(problemCount, "audit_heads", fmt.Sprintf("%d last numbers are not those of the audit log", n))
	}
	list, err := Migrations(d.name(), prefix)
	if err != nil {
		return err
	}
	for _, m := range list {
		table := ""
		for _, part := range reference.FindAllStringSubmatch(m.Up, -1) {
			if part[1] != "" {
				table = part[1]
				continue
			}
			n, err := count(ctx, q, orphans(table, part[3], strings.Split(part[2], ", "), strings.Split(part[4], ", ")))
			if err != nil {
				return err
			}
			if n > 0 {
				found(problemReference, strings.TrimPrefix(table, prefix), fmt.Sprintf("%d rows name one of %s that is not there", n, strings.TrimPrefix(part[3], prefix)))
			}
		}
	}
	return nil
}

func orphans(table, parent string, columns, keys []string) string {
	var set, same []string
	for i := range columns {
		set = append(set, "t."+columns[i]+" IS NOT NULL")
		same = append(same, "p."+keys[i]+" = t."+columns[i])
	}
	return fmt.Sprintf(`SELECT count(*) FROM "%s" AS t WHERE %s AND NOT EXISTS (SELECT 1 FROM "%s" AS p WHERE %s)`,
		table, strings.Join(set, " AND "), parent, strings.Join(same, " AND "))
}

// definitions describes the tables, columns, constraints and indexes that are there and work.
func (postgresDialect) definitions(ctx context.Context, q querier) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, `
		SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
			|| CASE WHEN a.attcollation = 'pg_catalog."C"'::regcollation THEN ' COLLATE "C"' ELSE '' END || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
			|| coalesce(' DEFAULT ' || regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::.*', ''), '')
		FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE c.relkind = 'r' AND pg_table_is_visible(c.oid) AND a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'index ' || c.relname || ' ON ' || t.relname || ' (' || array_to_string(ARRAY(
				SELECT pg_get_indexdef(i.indexrelid, k, true) FROM generate_series(1, i.indnatts) AS k), ', ') || ')' || CASE WHEN i.indisunique THEN ' UNIQUE' ELSE '' END || CASE WHEN i.indpred IS NOT NULL THEN ' WHERE' ELSE '' END
		FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_class AS t ON t.oid = i.indrelid
		WHERE pg_table_is_visible(t.oid) AND i.indisvalid
		UNION ALL
		SELECT 'constraint ' || CASE o.contype WHEN 'f' THEN o.conname ELSE '' END || ' ON ' || t.relname
			|| CASE o.contype WHEN 'c' THEN ' CHECK' ELSE ' ' || pg_get_constraintdef(o.oid) END
		FROM pg_constraint AS o JOIN pg_class AS t ON t.oid = o.conrelid
		WHERE pg_table_is_visible(t.oid) AND o.convalidated
			AND NOT EXISTS (SELECT 1 FROM pg_trigger AS g WHERE g.tgconstraint = o.oid AND g.tgenabled <> 'O')`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	stored := map[string]bool{}
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return nil, err
		}
		stored[line] = true
	}
	return stored, rows.Err()
}

var (
	createTable = regexp.MustCompile(`^(?:CREATE|ALTER) TABLE "(\w+)"`)
	columnLine  = regexp.MustCompile(`(?m)^  "(\w+)" (\w+)( COLLATE "C")?( NOT NULL)?( DEFAULT [^,\s]+)?( PRIMARY KEY)?(?:.*( CHECK))?`)
	createIndex = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX "(\w+)" ON "(\w+)" (\([\w", ]+\))(?s:.*?)( WHERE|$)`)
	key         = regexp.MustCompile(`(?m)^  ((?:PRIMARY KEY|UNIQUE) \([\w, ]+\))`)
	constraint  = regexp.MustCompile(`CONSTRAINT "(\w+)" (FOREIGN KEY [^;\n]*\w)`)
)

// typeNames are those that Postgres gives types which migrations name in short.
var typeNames = map[string]string{"timestamptz": "timestamp with time zone"}

// defined describes what the migrations make, as definitions does.
func (postgresDialect) defined(list []Migration) []string {
	var defs []string
	for _, m := range list {
		for _, stmt := range statements(m.Up) {
			if i := createIndex.FindStringSubmatch(stmt); i != nil {
				def := "index " + i[2] + " ON " + i[3] + " " + strings.ReplaceAll(i[4], `"`, "")
				if i[1] != "" {
					def += " UNIQUE"
				}
				defs = append(defs, def+i[5])
				continue
			}
			table := createTable.FindStringSubmatch(stmt)
			if table == nil {
				continue
			}
			for _, c := range columnLine.FindAllStringSubmatch(stmt, -1) {
				typ := c[2]
				if name, ok := typeNames[typ]; ok {
					typ = name
				}
				defs = append(defs, "column "+table[1]+"."+c[1]+" "+typ+c[3]+c[4]+c[5])
				if c[6] != "" {
					defs = append(defs, "constraint  ON "+table[1]+" PRIMARY KEY ("+c[1]+")")
				}
				if c[7] != "" {
					defs = append(defs, "constraint  ON "+table[1]+" CHECK")
				}
			}
			for _, c := range key.FindAllStringSubmatch(stmt, -1) {
				defs = append(defs, "constraint  ON "+table[1]+" "+c[1])
			}
			for _, c := range constraint.FindAllStringSubmatch(stmt, -1) {
				// Postgres writes names without quotes, and no space after that of a table.
				def := strings.ReplaceAll(strings.ReplaceAll(c[2], `" (`, "("), `"`, "")
				defs = append(defs, "constraint "+c[1]+" ON "+table[1]+" "+def)
			}
		}
	}
	return defs
}
