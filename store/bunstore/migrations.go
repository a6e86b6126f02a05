package bunstore

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun/schema"
)

// Migration is one step of the schema, as SQL with the prefix filled in. [Store.Migrate]
// executes Up as it is printed; a host that runs SQL with its own tools executes it in one
// transaction. It ends with the bookkeeping: the row of the migration, and how many rows
// each new table has.
type Migration struct {
	ID   int    // 1, 2, ...
	Name string // lower_snake
	Up   string // statements, each ended by a semicolon at the end of a line
	Down string // drops everything that Up made, with all data

	checksum digest // over the SQL without a prefix
}

//go:embed sql
var migrationFiles embed.FS

// Migrations returns all steps for a dialect ("sqlite" or "postgres") and a table prefix, in order. An
// empty prefix means [DefaultPrefix]. Nothing is executed.
func Migrations(dialectName, prefix string) ([]Migration, error) {
	if prefix == "" {
		prefix = DefaultPrefix
	}
	if err := checkPrefix(prefix); err != nil {
		return nil, err
	}
	var d sqlDialect
	switch dialectName {
	case "sqlite":
		d = sqliteDialect{}
	case "postgres":
		d = postgresDialect{}
	default:
		return nil, runs.Invalid("dialect", "dialect_unsupported", "must be sqlite or postgres")
	}
	dir := path.Join("sql", dialectName)
	names, err := fs.Glob(migrationFiles, dir+"/*.up.sql")
	if err != nil {
		return nil, err
	}
	var list []Migration
	for _, file := range names { // Glob sorts
		m, err := readMigration(d, file, prefix)
		if err != nil {
			return nil, err
		}
		if m.ID != len(list)+1 {
			return nil, fmt.Errorf("store: migration %s: its number should be %d", file, len(list)+1)
		}
		list = append(list, m)
	}
	return list, nil
}

// readMigration reads one step from its two files, such as 0001_initial.up.sql.
func readMigration(d sqlDialect, file, prefix string) (Migration, error) {
	number, name, _ := strings.Cut(strings.TrimSuffix(path.Base(file), ".up.sql"), "_")
	id, err := strconv.Atoi(number)
	if err != nil {
		return Migration{}, fmt.Errorf("store: migration %s: %w", file, err)
	}
	up, err := migrationFiles.ReadFile(file)
	if err != nil {
		return Migration{}, err
	}
	down, err := migrationFiles.ReadFile(strings.TrimSuffix(file, ".up.sql") + ".down.sql")
	if err != nil {
		return Migration{}, err
	}
	m := Migration{ID: id, Name: name, Up: string(up), checksum: sha256.Sum256(up)}
	books, err := m.books(d)
	if err != nil {
		return Migration{}, err
	}
	m.Up = withPrefix(string(up)+"\n"+books, prefix)
	m.Down = withPrefix(string(down), prefix)
	return m, nil
}

// books are the statements that note the migration itself.
func (m Migration) books(d sqlDialect) (string, error) {
	gen := schema.NewQueryGen(d.bun())
	out := []byte("-- Bookkeeping: which step this is, and how many rows each table has.\n\n")
	add := func(r row) (err error) {
		def, cols := r.table(), r.columns()
		out = fmt.Appendf(out, `INSERT INTO {%s} ("%s", "%s") VALUES (`, def.name, strings.Join(def.columns, `", "`), rowSumColumn)
		sum, _ := def.sum(cols, nil)
		for _, c := range append(cols, &sum) {
			if out, err = c.AppendQuery(gen, out); err != nil {
				return err
			}
			out = append(out, ", "...)
		}
		out = append(out[:len(out)-2], ");\n"...)
		return nil
	}
	if err := add(&migrationRow{ID: num(m.ID), Name: text(m.Name), Checksum: m.checksum}); err != nil {
		return "", err
	}
	if m.ID > 1 {
		out = append(out, d.tallyBooks(migrationsTable.name, num(m.ID), true)...)
	}
	for _, def := range tables(d) {
		switch {
		case def == talliesTable || !strings.Contains(m.Up, "CREATE TABLE {"+def.name+"}"):
		case def == migrationsTable:
			out = append(out, d.tallyBooks(def.name, num(m.ID), false)...)
		default:
			out = append(out, d.tallyBooks(def.name, 0, false)...)
		}
	}
	return string(out), nil
}

// statements splits a script at the semicolons that end a line and leaves comments out.
func statements(script string) []string {
	var out []string
	var b strings.Builder
	for line := range strings.Lines(script) {
		trimmed := strings.TrimSpace(line)
		if trimmed == "" || strings.HasPrefix(trimmed, "--") {
			continue
		}
		if before, ended := strings.CutSuffix(trimmed, ";"); ended {
			b.WriteString(strings.TrimRight(line[:strings.Index(line, trimmed)]+before, " "))
			out = append(out, b.String())
			b.Reset()
			continue
		}
		b.WriteString(line)
	}
	return out
}
