package product

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// perUser is how many sessions a user has at most: one more ends the one that was idle for
// longest.
const perUser = 20

// sessions knows who is signed in, in memory: all are signed out when the program ends. It
// keeps hashes, so that who reads the memory or a dump of it holds no cookie.
type sessions struct {
	clock    runs.Clock
	idle     time.Duration // without a request
	absolute time.Duration // whatever happens

	mu  sync.Mutex
	all map[sessionKey]session
}

type sessionKey [sha256.Size]byte

// session is one sign-in of one browser.
type session struct {
	user    string
	started time.Time
	seen    time.Time // its last request
}

func newSessions(clock runs.Clock, idle, absolute time.Duration) *sessions {
	return &sessions{clock: clock, idle: idle, absolute: absolute, all: map[sessionKey]session{}}
}

// keyOf is what a token is kept as. A token has 256 random bits, so it needs no salt, and the
// time that a look-up takes tells nothing about it.
func keyOf(token string) sessionKey { return sha256.Sum256([]byte(token)) }

// start signs a user in under a token that nobody has seen before.
func (s *sessions) start(user string) (token string) {
	var random [32]byte
	rand.Read(random[:]) // it never fails
	token = base64.RawURLEncoding.EncodeToString(random[:])
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	var mine int
	var oldest sessionKey
	for key, old := range s.all {
		switch {
		case s.over(old, now):
			delete(s.all, key)
		case old.user == user:
			if mine++; mine == 1 || old.seen.Before(s.all[oldest].seen) {
				oldest = key
			}
		}
	}
	if mine >= perUser {
		delete(s.all, oldest)
	}
	s.all[keyOf(token)] = session{user: user, started: now, seen: now}
	return token
}

// over tells whether a session has reached one of its limits.
func (s *sessions) over(x session, now time.Time) bool {
	return now.Sub(x.seen) >= s.idle || now.Sub(x.started) >= s.absolute
}

// find returns whose session a token is, and notes that it was used.
func (s *sessions) find(token string) (user string, ok bool) {
	now, key := s.clock.Now(), keyOf(token)
	s.mu.Lock()
	defer s.mu.Unlock()
	x, ok := s.all[key]
	if !ok || s.over(x, now) {
		delete(s.all, key)
		return "", false
	}
	x.seen = now
	s.all[key] = x
	return x.user, true
}

// end signs out. A request that is on its way with this token cannot bring it back.
func (s *sessions) end(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, keyOf(token))
}
