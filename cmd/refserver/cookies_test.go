package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

// The cookies of the whole server, of the session and of the viewer's zone, travel by plain http
// only where a listener on loopback is asked by a name of this machine.
func TestCookiesAreForHttpsUnlessTheMachineItselfIsAskedByPlainHttp(t *testing.T) {
	const token = "a-token-of-some-length"
	hash, err := hashToken(strings.NewReader(token))
	if err != nil {
		t.Fatal(err)
	}
	users, err := product.ReadUsers(strings.NewReader(`{"id":"alice","name":"Alice","token_hash":"` + hash + `","roles":{"contoso":"owner"}}`))
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), options{source: source{data: t.TempDir()}, migrate: true, users: users})
	if err != nil {
		t.Fatal(err)
	}
	defer a.close(t.Context())
	for _, test := range []struct {
		listener, url, header string
		secure                bool
	}{
		{"loopback", "http://127.0.0.1:8080", "", false},
		{"loopback", "http://localhost:8080", "", false},
		{"loopback", "https://localhost:8080", "", true},
		{"loopback", "http://backups.example", "", true},
		{"loopback", "http://127.0.0.1:8080", "X-Forwarded-For", true},
		{"anywhere", "http://127.0.0.1:8080", "", true},
		{"anywhere", "https://backups.example", "", true},
	} {
		host, err := a.host(test.listener == "loopback")
		if err != nil {
			t.Fatal(err)
		}
		handler, err := a.handler(roleAll, host)
		if err != nil {
			t.Fatal(err)
		}
		var got []*http.Cookie
		for _, form := range [][2]string{{"/signin", "user=alice&token=" + token}, {"/backups/-/zone", "zone=Europe/Berlin&back=/backups/contoso/runs"}} {
			r := httptest.NewRequest(http.MethodPost, test.url+form[0], strings.NewReader(form[1]))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if test.header != "" {
				r.Header.Set(test.header, "192.0.2.1")
			}
			for _, c := range got {
				r.AddCookie(c)
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			got = append(got, w.Result().Cookies()...)
		}
		if len(got) != 2 || got[0].Secure != test.secure || got[1].Secure != test.secure || !got[0].HttpOnly || !got[1].HttpOnly {
			t.Errorf("%+v: the cookies are %v", test, got)
		}
	}
}
