package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWithACertificateTheServerSpeaksHttps(t *testing.T) {
	known := httptest.NewTLSServer(nil) // has a certificate for 127.0.0.1
	defer known.Close()
	pair := known.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := tlsFiles{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}
	for path, block := range map[string]*pem.Block{files.cert: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, files.key: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serveOn(t, serveOptions{source: source{data: t.TempDir()}, addr: "127.0.0.1:0", role: roleAll, migrate: true, tls: files}, "Open https://127.0.0.1")
	pool := x509.NewCertPool()
	pool.AddCert(known.Certificate())
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: pool}}}
	res, err := client.Post(strings.Replace(s.base, "http:", "https:", 1)+"/signin", "application/x-www-form-urlencoded", strings.NewReader("user=owner-contoso"))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if c := res.Cookies(); res.StatusCode != http.StatusSeeOther || len(c) != 1 || c[0].Name != "__Host-session" {
		t.Errorf("signing in answers %d, %v", res.StatusCode, c)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}
