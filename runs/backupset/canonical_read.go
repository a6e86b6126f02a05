package backupset

import (
	"bytes"
	"iter"
	"strconv"
)

// Members yields the members of an object in canonical form, as [Canonicalizer.Append] writes
// it: each key without its quotes, each value in canonical form. Other values have none. What
// is yielded shares memory with obj.
func Members(obj []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		if len(obj) == 0 || obj[0] != '{' {
			return
		}
		for i := firstMember(obj); i >= 0; {
			var key, value []byte
			key, value, i = nextMember(obj, i)
			if !yield(key, value) {
				return
			}
		}
	}
}

// Elements yields the elements of an array in canonical form. Other values have none.
func Elements(arr []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if len(arr) == 0 || arr[0] != '[' || arr[1] == ']' {
			return
		}
		for i := 1; ; i++ {
			end := skipValue(arr, i)
			if !yield(arr[i:end]) || arr[end] == ']' {
				return
			}
			i = end
		}
	}
}

// Lookup returns the value at a path of keys in canonical form, nil when there is none.
func Lookup(value []byte, path ...string) []byte { return lookup(value, path...) }

// MaskedSecrets returns the secrets that Graph did not show in an object in canonical form: an
// encrypted OMA value that came as asterisks, a secret of the settings catalog that came as a
// token; and those that [Mask] has replaced. The keys are paths as in [Change], the values the canonical form of what stands
// there: where it is equal in two objects of one tenant, so is the secret.
func MaskedSecrets(obj []byte) map[string]string {
	// Nearly every policy has none, which is quick to see.
	if !bytes.Contains(obj, []byte(`"isEncrypted":true`)) && !bytes.Contains(obj, []byte(`SecretSettingValue"`)) &&
		!bytes.Contains(obj, []byte(`:"***`)) && !bytes.Contains(obj, []byte(masked)) {
		return nil
	}
	m := maskFinder{found: map[string]string{}}
	m.value(topLevel, obj)
	return m.found
}

type maskFinder struct {
	differ // for its path
	found  map[string]string
}

func (m *maskFinder) value(at place, v []byte) {
	switch v[0] {
	case '{':
		if hidesValue(v) {
			m.found[string(m.path)] = string(v)
			return
		}
		for key, value := range Members(v) {
			back := m.enterKey(key)
			switch {
			case value[0] == '{' || value[0] == '[':
				m.value(childOf(at, key), value)
			case string(value) == masked, // by an export
				asterisks(value) && (string(key) == "value" || looksSecret(key)):
				m.found[string(m.path)] = string(value)
			}
			m.path = m.path[:back]
		}
	case '[':
		rule, seen := &arrays[at], map[string]int{}
		i := 0
		for e := range Elements(v) {
			name := strconv.Itoa(i)
			if len(rule.identity) > 0 && e[0] == '{' {
				name = nameOf(e, rule)
			}
			if i++; e[0] == '{' || e[0] == '[' {
				seen[name]++
				back := m.enterName(name, seen[name], true)
				m.value(rule.element, e)
				m.path = m.path[:back]
			}
		}
	}
}

// hidesValue tells whether an object's value is a secret that Graph keeps to itself.
func hidesValue(obj []byte) bool {
	value := memberOf(obj, "value")
	switch {
	case string(memberOf(obj, "isEncrypted")) == "true":
		return value == nil || value[0] != '"' || string(value) == `""` || asterisks(value)
	case secretSetting(memberOf(obj, "@odata.type")):
		return string(memberOf(obj, "valueState")) != `"notEncrypted"`
	}
	return false
}

func secretSetting(odataType []byte) bool {
	const suffix = `SecretSettingValue"`
	return len(odataType) > len(suffix) && string(odataType[len(odataType)-len(suffix):]) == suffix
}

// asterisks tells whether a value is a text of nothing else.
func asterisks(value []byte) bool {
	if len(value) < 5 || value[0] != '"' {
		return false
	}
	for _, c := range value[1 : len(value)-1] {
		if c != '*' {
			return false
		}
	}
	return true
}
