package backupset

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// masked stands for a secret.
const masked = `"[masked]"`

// maxShown bounds a value in a [Change], in bytes of canonical JSON.
const maxShown = 4 << 10

// secretEndings are how the keys of secrets end, in lower case; "s" or "value" may follow.
// Keys that go on in another way, such as passwordMinimumLength or passwordRequiredType,
// are ordinary settings.
var secretEndings = []string{
	"password", "passphrase", "passcode", "secret", "sharedkey", "psk", "token",
	"privatekey", "apikey", "accesskey", "accountkey", "credential",
	"connectionstring", "pfxblob", "encryptionkey", "recoverykey",
}

// looksSecret tells whether what stands under the key, or goes by the name, is a secret.
func looksSecret(key []byte) bool {
	const window = 32 // longer than any ending
	tail := key[max(0, len(key)-window):]
	lower := make([]byte, 0, window)
	for _, c := range tail {
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_' || c == '-' || c == ' ' || c == '.':
			continue
		}
		lower = append(lower, c)
	}
	lower = bytes.TrimSuffix(bytes.TrimSuffix(lower, []byte("s")), []byte("value"))
	for _, ending := range secretEndings {
		if bytes.HasSuffix(lower, []byte(ending)) {
			return true
		}
	}
	return false
}

// secrets tells which members of an object are secrets beside those whose key says so:
// those that hold the value of the object.
type secrets struct{ value bool }

func (s secrets) or(t secrets) secrets { return secrets{s.value || t.value} }

// has tells whether the member under a key is a secret.
func (s secrets) has(key []byte) bool {
	if s.value {
		switch string(key) {
		case "value", "values", "appConfigKeyValue", "valueJson", "keyValue":
			return true
		}
	}
	return looksSecret(key)
}

// secretMembers looks at an object as a whole: a secret setting of the settings catalog,
// an encrypted OMA setting, or a pair whose name is that of a secret.
func secretMembers(obj []byte) secrets {
	for i := firstMember(obj); i >= 0; {
		var key, value []byte
		key, value, i = nextMember(obj, i)
		if value[0] == '{' || value[0] == '[' || string(value) == "null" {
			continue
		}
		found := false
		switch string(key) {
		case "@odata.type":
			found = bytes.HasSuffix(bare(value), []byte("SecretSettingValue"))
		case "isEncrypted":
			found = string(value) == "true"
		case "secretReferenceValueId":
			found = string(value) != `""`
		case "name", "key", "appConfigKey", "displayName", "omaUri", "definitionId", "keyName":
			found = looksSecret(bare(value))
		}
		if found {
			return secrets{value: true}
		}
	}
	return secrets{}
}

// shown returns a value as a diff shows it: secrets masked, long values cut.
func shown(value []byte, secret bool) []byte {
	return cut(appendMasked(nil, value, secret))
}

// appendMasked appends a value with its secrets masked. What only says that something is
// set or not, true, false or null, is no secret.
func appendMasked(dst, value []byte, secret bool) []byte {
	switch value[0] {
	case 't', 'f', 'n':
		return append(dst, value...)
	}
	if secret {
		return append(dst, masked...)
	}
	switch value[0] {
	case '{':
		hidden := secretMembers(value)
		dst = append(dst, '{')
		for i := firstMember(value); i >= 0; {
			var key, v []byte
			key, v, i = nextMember(value, i)
			dst = append(dst, '"')
			dst = append(dst, key...)
			dst = append(dst, `":`...)
			dst = appendMasked(dst, v, hidden.has(key))
			if i >= 0 {
				dst = append(dst, ',')
			}
		}
		return append(dst, '}')
	case '[':
		dst = append(dst, '[')
		for i, e := range elementsOf(value) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendMasked(dst, e, false)
		}
		return append(dst, ']')
	}
	return append(dst, value...)
}

// cut returns a value of at most maxShown bytes as it is. Of a longer one it returns a
// string: the start of the text, or of the JSON of anything else, then its size, and the
// start of its SHA-256, so that long values that differ only further on look different.
func cut(value []byte) []byte {
	if len(value) <= maxShown {
		return value
	}
	sum := sha256.Sum256(value)
	mark := " … [cut: " + strconv.Itoa(len(value)) + " bytes, SHA-256 " + hex.EncodeToString(sum[:6]) + "]"
	if value[0] != '"' {
		n := maxShown
		for !utf8.RuneStart(value[n]) {
			n--
		}
		out, _ := appendQuoted(nil, string(value[:n])+mark)
		return out
	}
	n := 1
	for i := 1; i <= maxShown; { // whole runes and whole escape sequences only
		n = i
		if value[i] != '\\' {
			_, size := utf8.DecodeRune(value[i:])
			i += size
		} else if value[i+1] == 'u' {
			i += 6
		} else {
			i += 2
		}
	}
	out := append([]byte(nil), value[:n]...)
	out = append(out, mark...)
	return append(out, '"')
}
