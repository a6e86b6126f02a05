package product

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// What [HashToken] takes: 19 MiB and two passes, as OWASP's Password Storage Cheat Sheet has it.
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashSalt   = 16
	hashLength = 32
)

// The lengths of a token in bytes.
const (
	minToken = 16
	maxToken = 1024
)

// tokenHash is what is known of a token. It is safe for concurrent use.
type tokenHash interface {
	// matches tells, in the same time whatever was given, whether a token is the one.
	matches(token string) bool
}

// HashToken returns what a file of users holds for a token: its argon2id hash as a PHC string. A
// token is 16 to 1024 visible ASCII characters without spaces; the error says so and does not
// repeat it.
func HashToken(token string) (string, error) {
	if err := checkToken(token); err != nil {
		return "", err
	}
	salt := make([]byte, hashSalt)
	rand.Read(salt) // it never fails
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, hashMemory, hashPasses,
		b64(salt), b64(argon2.IDKey([]byte(token), salt, hashPasses, hashMemory, 1, hashLength))), nil
}

func checkToken(token string) error {
	if len(token) < minToken || len(token) > maxToken {
		return fmt.Errorf("a token has %d to %d characters; openssl rand -hex 24 makes one", minToken, maxToken)
	}
	for _, c := range []byte(token) {
		if c <= ' ' || c > '~' {
			return errors.New("a token has letters, digits and signs of ASCII only, and no spaces")
		}
	}
	return nil
}

// argonHash is a token hashed by argon2id.
type argonHash struct {
	memory, passes uint32 // memory in KiB
	threads        uint8
	salt, sum      []byte
}

func (h argonHash) matches(token string) bool {
	sum := argon2.IDKey([]byte(token), h.salt, h.passes, h.memory, h.threads, uint32(len(h.sum)))
	return subtle.ConstantTimeCompare(sum, h.sum) == 1
}

// bcryptHash is a token hashed by bcrypt.
type bcryptHash []byte

// bcryptMost is the most bytes that bcrypt looks at: whatever follows would not matter.
const bcryptMost = 72

func (h bcryptHash) matches(token string) bool {
	err := bcrypt.CompareHashAndPassword(h, []byte(token[:min(len(token), bcryptMost)]))
	return err == nil && len(token) <= bcryptMost
}

var (
	argonForm  = regexp.MustCompile(`^\$argon2id\$v=19\$m=(\d{1,6}),t=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{22,86})$`)
	bcryptForm = regexp.MustCompile(`^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$`)
)

// parseHash reads the hash of a token. What is too weak to protect it is refused, and so is what
// would take more memory or time than a server has for one request. Errors do not repeat it.
func parseHash(text string) (tokenHash, error) {
	if m := bcryptForm.FindStringSubmatch(text); m != nil {
		if cost, _ := strconv.Atoi(m[1]); cost < 10 || cost > 14 {
			return nil, errors.New("the cost of bcrypt must be 10 to 14")
		}
		return bcryptHash(text), nil
	}
	m := argonForm.FindStringSubmatch(text)
	if m == nil {
		return nil, errors.New("must be a hash as refserver hash-token prints it (argon2id, version 19) or one of bcrypt")
	}
	number := func(i int) uint32 { n, _ := strconv.ParseUint(m[i], 10, 32); return uint32(n) } // the form has digits only
	h := argonHash{memory: number(1), passes: number(2), threads: uint8(number(3))}
	switch {
	case h.memory < 7<<10 || h.memory > 64<<10:
		return nil, fmt.Errorf("the memory of argon2id (m) must be %d to %d", 7<<10, 64<<10)
	case h.passes < 1 || h.passes > 10:
		return nil, errors.New("the passes of argon2id (t) must be 1 to 10")
	case h.threads < 1 || h.threads > 4:
		return nil, errors.New("the threads of argon2id (p) must be 1 to 4")
	}
	var err, serr error
	h.salt, err = base64.RawStdEncoding.Strict().DecodeString(m[4])
	h.sum, serr = base64.RawStdEncoding.Strict().DecodeString(m[5])
	if err != nil || serr != nil {
		return nil, errors.New("salt and hash must be base64 without padding")
	}
	return h, nil
}
