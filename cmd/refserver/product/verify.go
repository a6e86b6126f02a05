package product

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

// Limits of verifying. A hash takes up to 64 MiB while it is computed.
const (
	verifyAtOnce = 2
	verifyQueued = 32 // different tokens that are computed or wait for it
	verifiedFor  = 5 * time.Minute
	maxVerified  = 1000

	failuresMost = 10 // by one user from one address
	failuresFor  = 15 * time.Minute
	maxFailures  = 10000 // pairs of user and address that are remembered
)

// Why a token does not sign in.
var (
	errWrongToken = errors.New("user or token is wrong")
	errTooMany    = errors.New("too many wrong tokens")
	errCrowded    = errors.New("too many are signing in")
)

// verifier tells whether a token is a user's. Hashes are slow on purpose, so it computes few at
// once and none for whom has failed often, and remembers for a while who was right.
type verifier struct {
	users *Users
	clock runs.Clock
	key   []byte        // of this process, for what it remembers
	slots chan struct{} // held while a hash is computed

	mu       sync.Mutex
	pending  map[mark]*attempt
	verified map[mark]time.Time // until when
	failures map[mark]failures
}

// mark stands for something secret in the tables.
type mark [sha256.Size]byte

// attempt is a token that is being verified. err is set before done is closed.
type attempt struct {
	done chan struct{}
	err  error // context errors decide nothing
}

// failures are the wrong tokens of a user from an address.
type failures struct {
	n     int
	since time.Time
}

func newVerifier(users *Users, clock runs.Clock) *verifier {
	key := make([]byte, sha256.Size)
	rand.Read(key) // it never fails
	return &verifier{
		users: users, clock: clock, key: key, slots: make(chan struct{}, verifyAtOnce),
		pending: map[mark]*attempt{}, verified: map[mark]time.Time{}, failures: map[mark]failures{},
	}
}

// mark hashes texts under the key of this process, so that nothing can be tried against a dump
// of the tables.
func (v *verifier) mark(texts ...string) (m mark) {
	h := hmac.New(sha256.New, v.key)
	for _, text := range texts {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(text))))
		h.Write([]byte(text))
	}
	h.Sum(m[:0])
	return m
}

// verify returns nil when the token is that of the user, otherwise errWrongToken, errTooMany,
// errCrowded, or that of ctx. remote is the address that asks.
func (v *verifier) verify(ctx context.Context, id, token, remote string) error {
	if checkToken(token) != nil || !idForm.MatchString(id) {
		return errWrongToken // nobody has such a one
	}
	who, from := v.mark(id, token), v.mark(id, network(remote))
	for {
		a, mine, err := v.begin(who, from)
		switch {
		case a == nil:
			return err
		case mine:
			v.run(ctx, a, id, token)
			v.end(a, who, from)
			return a.err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-a.done:
		}
		if errors.Is(a.err, errWrongToken) {
			return a.err
		}
	}
}

// begin looks the answer up, or joins or begins an attempt. Without an attempt err is the answer.
func (v *verifier) begin(who, from mark) (a *attempt, mine bool, err error) {
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Before(v.verified[who]) {
		return nil, false, nil
	}
	if f := v.failures[from]; f.n >= failuresMost && now.Sub(f.since) < failuresFor {
		return nil, false, errTooMany
	}
	if a := v.pending[who]; a != nil {
		return a, false, nil
	}
	if len(v.pending) >= verifyQueued {
		return nil, false, errCrowded
	}
	a = &attempt{done: make(chan struct{})}
	v.pending[who] = a
	return a, true, nil
}

// run computes the hash once there is a slot.
func (v *verifier) run(ctx context.Context, a *attempt, id, token string) {
	select {
	case <-ctx.Done():
		a.err = ctx.Err()
		return
	case v.slots <- struct{}{}:
	}
	defer func() { <-v.slots }()
	u, known := v.users.find(id)
	if !known { // takes as long as if it were, by the hash of somebody, always the same for an id
		m := v.mark(id)
		u = v.users.list[binary.BigEndian.Uint64(m[:])%uint64(len(v.users.list))]
	}
	if right := u.hash.matches(token); !right || !known {
		a.err = errWrongToken
	}
}

// end remembers what came out and tells those who wait for it.
func (v *verifier) end(a *attempt, who, from mark) {
	now := v.clock.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.pending, who)
	switch {
	case a.err == nil:
		makeRoom(v.verified, maxVerified, func(until time.Time) time.Time { return until }, now)
		v.verified[who] = now.Add(verifiedFor)
	case errors.Is(a.err, errWrongToken):
		f := v.failures[from]
		if now.Sub(f.since) >= failuresFor {
			makeRoom(v.failures, maxFailures, func(f failures) time.Time { return f.since.Add(failuresFor) }, now)
			f = failures{since: now}
		}
		f.n++
		v.failures[from] = f
	}
	close(a.done)
}

// makeRoom removes from a full table what is over, or else what is over first.
func makeRoom[V any](table map[mark]V, most int, until func(V) time.Time, now time.Time) {
	if len(table) < most {
		return
	}
	var first mark
	var soonest time.Time
	for m, v := range table {
		switch end := until(v); {
		case !now.Before(end):
			delete(table, m)
		case soonest.IsZero() || end.Before(soonest):
			first, soonest = m, end
		}
	}
	if len(table) >= most {
		delete(table, first)
	}
}

// network is the part of an address that one client has: all of IPv4, 64 bits of IPv6.
func network(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	if addr = addr.Unmap(); addr.Is6() {
		prefix, _ := addr.WithZone("").Prefix(64) // 64 is a length of IPv6
		return prefix.String()
	}
	return addr.String()
}
