package main

import (
	"crypto/rand"
	"net/http"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// sessionLife ends a session, whatever happens.
const sessionLife = 8 * time.Hour

// sessions are who is signed in, by the token in the browser's cookie. A host keeps them in its
// database, and has them already.
type sessions struct {
	clock runs.Clock

	mu  sync.Mutex
	all map[string]session
}

type session struct {
	who  identity
	ends time.Time
}

// start begins a session under a token that nobody has seen before, and removes what is over.
func (s *sessions) start(who identity) (token string) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for token, old := range s.all {
		if !now.Before(old.ends) {
			delete(s.all, token)
		}
	}
	token = rand.Text() + rand.Text() // 260 bits
	s.all[token] = session{who, now.Add(sessionLife)}
	return token
}

func (s *sessions) find(token string) (identity, bool) {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.all[token]
	return found.who, ok && now.Before(found.ends)
}

func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, token)
}

// value returns what a cookie of a request holds, "" for none.
func value(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}
