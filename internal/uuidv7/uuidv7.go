// Package uuidv7 makes and reads UUIDs of version 7: ids that sort by the time they
// were made at.
//
// Layout and method are those of RFC 9562 (https://www.rfc-editor.org/rfc/rfc9562):
// section 5.7 for the bits, section 6.2 "Fixed Bit-Length Dedicated Counter" (method 1)
// for the order of ids made within one millisecond.
//
//	48 bits  milliseconds since 1970-01-01 UTC, big endian
//	 4 bits  version, 7
//	12 bits  counter, high part
//	 2 bits  variant, binary 10
//	14 bits  counter, low part
//	48 bits  random
//
// The counter starts every millisecond at a random value of 25 bits; its 26th bit
// leaves room to count up. So two generators that share a millisecond still differ in
// 73 random bits, and one generator can make 33 million ids in a millisecond (or while a
// fake clock stands still) before it must borrow from the next one, as the RFC allows.
package uuidv7

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

const (
	counterBits = 26
	seedMask    = 1<<(counterBits-1) - 1 // the top bit of a fresh counter is free to count into
	lowBits     = 14                     // of the counter, behind the variant
	maxMillis   = 1<<48 - 1
	tailSize    = 6 // random bytes per id
	seedSize    = 4 // random bytes per fresh counter
)

// Generator makes ids that sort, as strings and as bytes, in the order they were made:
// also within one millisecond, while its clock stands still, and after its clock was set
// back (then the ids keep the latest time seen). It is safe for concurrent use. The zero
// value is not usable; see [NewGenerator].
type Generator struct {
	now func() time.Time

	mu      sync.Mutex
	millis  int64  // of the last id; -1 before the first
	counter uint32 // of the last id

	// random holds bytes of crypto/rand that are not yet used, from index used on.
	// Fetching them in blocks is what keeps an id below 150 ns.
	random [1020]byte
	used   int
}

// NewGenerator returns a generator that reads the time from now, which must be safe for
// concurrent use and not nil.
func NewGenerator(now func() time.Time) *Generator {
	g := &Generator{now: now, millis: -1}
	g.used = len(g.random)
	return g
}

// New returns the next id in its canonical form: 36 characters, lower case.
func (g *Generator) New() string {
	return Format(g.next())
}

// next returns the next id as bytes.
func (g *Generator) next() (id [16]byte) {
	// The clock is asked outside the lock: a slow or blocking clock holds up only its
	// own caller, and two readings that arrive out of order are put right below.
	now := min(max(g.now().UnixMilli(), 0), maxMillis)

	g.mu.Lock()
	switch {
	case now > g.millis:
		g.restart(now)
	case g.counter == 1<<counterBits-1:
		g.restart(g.millis + 1)
	default:
		g.counter++
	}
	millis, counter := uint64(g.millis), g.counter
	copy(id[16-tailSize:], g.take(tailSize))
	g.mu.Unlock()

	binary.BigEndian.PutUint64(id[:8], millis<<16|7<<12|uint64(counter>>lowBits))
	binary.BigEndian.PutUint16(id[8:10], 0b10<<lowBits|uint16(counter&(1<<lowBits-1)))
	return id
}

// restart begins the given millisecond with a fresh counter. The caller holds the lock.
func (g *Generator) restart(millis int64) {
	g.millis = millis
	g.counter = binary.BigEndian.Uint32(g.take(seedSize)) & seedMask
}

// take returns n random bytes, valid until the next call. The caller holds the lock.
func (g *Generator) take(n int) []byte {
	if g.used+n > len(g.random) {
		// Never returns an error: since Go 1.24 the program ends when the system has
		// no randomness to give.
		_, _ = rand.Read(g.random[:])
		g.used = 0
	}
	g.used += n
	return g.random[g.used-n : g.used]
}
