package pgstore_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/pgtest"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/store/pgstore"
)

// password must be in no error.
const password = "pa55word"

// refusal opens a store and returns the codes of the fields that were refused.
func refusal(t *testing.T, at string, c pgstore.Connection) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // what is not refused is not to be had either
	s, err := pgstore.Open(ctx, at, pgstore.Options{Connection: c})
	if err == nil {
		t.Fatal("open", s.Close())
	}
	if strings.Contains(err.Error(), password) {
		t.Errorf("the error has the password: %v", err)
	}
	var invalid *runs.InvalidError
	if !errors.As(err, &invalid) {
		return nil
	}
	var codes []string
	for _, f := range invalid.Fields {
		codes = append(codes, f.Field+" "+f.Code)
	}
	return codes
}

func TestURLs(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	ok(t, os.WriteFile(empty, []byte("no certificate"), 0o600))
	const at = "postgres://u:" + password + "@"
	for given, want := range map[string]string{
		at + "db.example.com/x":                           "url tls_required",
		at + "192.0.2.1:5433/x":                           "url tls_required",
		at + "127.0.0.1.example.com/x":                    "url tls_required",
		at + "localhost.example.com/x":                    "url tls_required",
		at + "[2001:db8::1]/x":                            "url tls_required",
		at + "127.0.0.1/x":                                "",
		at + "127.1.2.3/x":                                "",
		at + "localhost/x":                                "",
		at + "[::1]/x":                                    "",
		at + "/x?host=/run/postgresql":                    "",
		at + "db.example.com/x?sslmode=verify-full":       "",
		at + "db.example.com/x?sslmode=require":           "",
		at + "db.example.com/x?sslmode=disable":           "",
		at + "db.example.com/x?sslmode=prefer":            "url tls_mode",
		at + "127.0.0.1/x?sslmode=verify-ca":              "url tls_mode",
		at + "127.0.0.1/x?sslmode=" + password:            "url tls_mode",
		at + "127.0.0.1/x?password=" + password:           "url url_parameter",
		at + "127.0.0.1/x?pool_max_conns=3":               "url url_parameter",
		at + "127.0.0.1/x?application_name=nightly":       "",
		at + "127.0.0.1/":                                 "url url_database",
		at + "127.0.0.1/x/y":                              "url url_database",
		"postgres://127.0.0.1/x":                          "url url_user",
		"mysql://u:" + password + "@127.0.0.1/x":          "url url_invalid",
		at + "127.0.0.1:port/x":                           "url url_invalid",
		"user=u password=" + password + " host=127.0.0.1": "url url_invalid",
		"postgres://u:%zz" + password + "@127.0.0.1/x":    "url url_invalid",
		"": "url url_invalid",
		at + "h/x?sslmode=verify-full&sslrootcert=" + empty:      "url tls_rootcert",
		at + "h/x?sslmode=verify-full&sslrootcert=/" + "missing": "url tls_rootcert",
		at + "h/x?sslmode=require&sslrootcert=" + empty:          "url tls_rootcert",
		at + "127.0.0.1/x?sslrootcert=" + empty:                  "url tls_rootcert",
	} {
		if got := strings.Join(refusal(t, given, pgstore.Connection{}), ", "); got != want {
			t.Errorf("%s: refused for %q, want %q", given, got, want)
		}
	}
	got := refusal(t, at+"127.0.0.1/x", pgstore.Connection{MaxConns: -1, StatementTimeout: -1, LockTimeout: -1, IdleTimeout: -1})
	if want := []string{"connection.max_conns negative", "connection.statement_timeout negative", "connection.lock_timeout negative", "connection.idle_timeout negative"}; !slices.Equal(got, want) {
		t.Errorf("negative settings: refused for %q, want %q", got, want)
	}
}

func TestAServersRefusalHasNoPassword(t *testing.T) {
	u, err := url.Parse(pgtest.Server(t).Database(t))
	ok(t, err)
	u.User = url.UserPassword(u.User.Username(), password)
	if got := refusal(t, u.String(), pgstore.Connection{}); got != nil {
		t.Errorf("refused for %q", got)
	}
	_, err = pgstore.Open(t.Context(), u.String(), pgstore.Options{})
	if err == nil || !strings.Contains(err.Error(), "authentication failed") || strings.Contains(err.Error(), password) {
		t.Errorf("error %v", err)
	}
}

// TestConnectionsHaveTheirSettings as the server sees them.
func TestConnectionsHaveTheirSettings(t *testing.T) {
	at := pgtest.Server(t).Database(t)
	for name, c := range map[string]struct {
		query string
		conn  pgstore.Connection
		want  string
	}{
		"defaults": {want: `30s 10s 1min 60 UTC tenantbackup "$user", public`},
		"given": {query: "&application_name=nightly", conn: pgstore.Connection{StatementTimeout: 90e9, LockTimeout: 1, IdleTimeout: 40e9, Schema: `a "b", c`},
			want: `90s 1ms 40s 60 UTC nightly "a ""b"", c"`},
	} {
		s, err := pgstore.Open(t.Context(), at+c.query, pgstore.Options{Connection: c.conn})
		ok(t, err)
		var got string
		ok(t, s.DB().QueryRow(`SELECT concat_ws(' ', current_setting('statement_timeout'), current_setting('lock_timeout'),
			current_setting('idle_in_transaction_session_timeout'), current_setting('tcp_keepalives_idle'), current_setting('TimeZone'),
			current_setting('application_name'), current_setting('search_path'))`).Scan(&got))
		ok(t, s.Close())
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestTLS: what each sslmode accepts of a server whose certificate is of a private authority.
func TestTLS(t *testing.T) {
	ours, others := newAuthority(t), newAuthority(t)
	cert, key := ours.issue(t, "localhost")
	server := pgtest.Start(t, pgtest.Options{
		Files:    map[string][]byte{"server.crt": cert, "server.key": key},
		Settings: map[string]string{"ssl": "on", "ssl_cert_file": "../server.crt", "ssl_key_file": "../server.key"},
	})
	for _, c := range []struct {
		name, host, query, refused string
		encrypted                  bool
	}{
		{name: "verify-full with the authority", host: "localhost", query: "sslmode=verify-full&sslrootcert=" + ours.file, encrypted: true},
		{name: "verify-full with another authority", host: "localhost", query: "sslmode=verify-full&sslrootcert=" + others.file, refused: "unknown authority"},
		{name: "verify-full with the machine's authorities", host: "localhost", query: "sslmode=verify-full", refused: "unknown authority"},
		{name: "verify-full of another name", host: "127.0.0.1", query: "sslmode=verify-full&sslrootcert=" + ours.file, refused: "127.0.0.1"},
		{name: "require", host: "127.0.0.1", query: "sslmode=require", encrypted: true},
		{name: "disable", host: "127.0.0.1", query: "sslmode=disable"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := url.Parse(server.URL())
			ok(t, err)
			u.Host, u.RawQuery = c.host+":"+u.Port(), c.query
			s, err := pgstore.Open(t.Context(), u.String(), pgstore.Options{})
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("error %v, want one with %q", err, c.refused)
				}
				return
			}
			ok(t, err)
			defer s.Close()
			var encrypted string
			ok(t, s.DB().QueryRow("SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()").Scan(&encrypted))
			if encrypted != fmt.Sprint(c.encrypted) {
				t.Errorf("encrypted: %s, want %t", encrypted, c.encrypted)
			}
		})
	}
}
