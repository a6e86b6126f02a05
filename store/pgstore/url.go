package pgstore

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/uptrace/bun/driver/pgdriver"
)

// answerTime is how long after its statement timeout a server may take to say so.
const answerTime = 10 * time.Second

// driverOptions reads a URL. Errors never repeat it: it may hold a password.
func driverOptions(raw string, c Connection) ([]pgdriver.Option, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, runs.Invalid("url", "url_invalid", "must be like postgres://user:password@host:5432/name?sslmode=verify-full")
	}
	var bad runs.InvalidError
	if u.User.Username() == "" {
		bad.Add("url", "url_user", "needs a user name")
	}
	database := strings.TrimPrefix(u.Path, "/")
	if database == "" || strings.Contains(database, "/") {
		bad.Add("url", "url_database", "needs the name of a database after the host")
	}
	for _, f := range []struct {
		field string
		bad   bool
	}{{"connection.max_conns", c.MaxConns < 0}, {"connection.statement_timeout", c.StatementTimeout < 0}, {"connection.lock_timeout", c.LockTimeout < 0}, {"connection.idle_timeout", c.IdleTimeout < 0}} {
		if f.bad {
			bad.Add(f.field, "negative", "must not be negative; 0 takes the default")
		}
	}
	statement, lock, idle := c.StatementTimeout, c.LockTimeout, c.IdleTimeout
	if statement == 0 {
		statement = 30 * time.Second
	}
	if lock == 0 {
		lock = 10 * time.Second
	}
	if idle == 0 {
		idle = time.Minute
	}
	params := map[string]any{
		"statement_timeout": milliseconds(statement), "lock_timeout": milliseconds(lock), "idle_in_transaction_session_timeout": milliseconds(idle),
		// The server notices within two minutes that a machine is gone, and not after the two
		// hours of TCP, during which its connections count. Where it cannot, it ignores this.
		"tcp_keepalives_idle": "60", "tcp_keepalives_interval": "10", "tcp_keepalives_count": "6",
		"TimeZone": "UTC", "application_name": "tenantbackup",
	}
	if c.Schema != "" {
		params["search_path"] = c.Schema // SET takes a string as one name, quoted or not
	}
	host, network := u.Hostname(), "tcp"
	sslmode, rootcert := "", ""
	for key, values := range u.Query() {
		switch key {
		case "sslmode":
			sslmode = values[0]
		case "sslrootcert":
			rootcert = values[0]
		case "application_name":
			params[key] = values[0]
		case "host": // the folder of a socket
			host, network = values[0], "unix"
		default:
			bad.Add("url", "url_parameter", "has a parameter that is not known: "+strconv.Quote(key)+"; known are sslmode, sslrootcert, application_name and host")
		}
	}
	port := u.Port()
	if port == "" {
		port = "5432"
	}
	addr := net.JoinHostPort(host, port)
	if network == "unix" {
		addr = host + "/.s.PGSQL." + port
	}
	config, code, message := tlsOf(sslmode, host, network == "unix" || loopback(host))
	if code != "" {
		bad.Add("url", code, message)
	}
	if rootcert != "" && code == "" {
		if code, message = trust(config, sslmode, rootcert); code != "" {
			bad.Add("url", code, message)
		}
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	password, _ := u.User.Password()
	return []pgdriver.Option{
		pgdriver.WithNetwork(network), pgdriver.WithAddr(addr), pgdriver.WithUser(u.User.Username()), pgdriver.WithPassword(password),
		pgdriver.WithDatabase(database), pgdriver.WithTLSConfig(config), pgdriver.WithConnParams(params),
		// The server's own timeouts come first, so that a statement ends on both sides.
		pgdriver.WithReadTimeout(statement + answerTime), pgdriver.WithWriteTimeout(statement + answerTime),
		pgdriver.WithResetSessionFunc(alive),
	}, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(max(d.Milliseconds(), 1), 10) }

// tlsOf decides how a connection is protected; nil means not at all.
func tlsOf(sslmode, host string, local bool) (config *tls.Config, code, message string) {
	switch sslmode {
	case "verify-full":
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}, "", ""
	case "require":
		return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}, "", ""
	case "disable":
		return nil, "", ""
	case "":
		if local {
			return nil, "", ""
		}
		return nil, "tls_required", "needs sslmode for a server that is not on this machine: verify-full, or require, or disable"
	}
	return nil, "tls_mode", "has an sslmode that is not known; use verify-full, require or disable"
}

// trust lets a connection accept certificates of the authorities in a file, and no others.
func trust(config *tls.Config, sslmode, file string) (code, message string) {
	if sslmode != "verify-full" {
		return "tls_rootcert", "has an sslrootcert, which only sslmode=verify-full looks at"
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return "tls_rootcert", "has an sslrootcert that cannot be read: " + err.Error()
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return "tls_rootcert", "has an sslrootcert without a certificate in PEM form"
	}
	return "", ""
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
