package main

import (
	"crypto/tls"
	"flag"
	"fmt"
)

// tlsFiles are a certificate and its key, or nothing for plain http.
type tlsFiles struct{ cert, key string }

func (f *tlsFiles) flags(fs *flag.FlagSet) {
	fs.StringVar(&f.cert, "tls-cert", "", "PEM file with the certificate, and the chain behind it, to serve https; without it a proxy has to")
	fs.StringVar(&f.key, "tls-key", "", "PEM file with its private key. Both are read at start")
}

// load returns nil without files.
func (f tlsFiles) load() (*tls.Config, error) {
	if f.cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return nil, fmt.Errorf("-tls-cert, -tls-key: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, nil
}

func (f tlsFiles) scheme() string {
	if f.cert == "" {
		return "http"
	}
	return "https"
}
