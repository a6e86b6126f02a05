package backupset

// The functions here read canonical bytes, which are known to be well-formed and without
// white space, so they check nothing.

// skipText returns the index after the string that starts at i.
func skipText(b []byte, i int) int {
	for i = plainRun(b, i+1); b[i] != '"'; i = plainRun(b, i+2) {
		// b[i] is a backslash: it and what it escapes are no end.
	}
	return i + 1
}

// skipValue returns the index after the value that starts at i.
func skipValue(b []byte, i int) int {
	switch b[i] {
	case '"':
		return skipText(b, i)
	case '{', '[':
		for depth := 0; ; {
			switch b[i] {
			case '"':
				i = skipText(b, i)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			if i++; depth == 0 {
				return i
			}
		}
	}
	for i < len(b) && b[i] != ',' && b[i] != '}' && b[i] != ']' {
		i++
	}
	return i
}

// nextMember returns the key (without quotes) and the value of the member at i of an
// object, and the index of the next one, -1 after the last. The first is at 1.
func nextMember(obj []byte, i int) (key, value []byte, next int) {
	k := skipText(obj, i)
	v := skipValue(obj, k+1)
	next = v + 1
	if obj[v] == '}' {
		next = -1
	}
	return obj[i+1 : k-1], obj[k+1 : v], next
}

// firstMember returns where nextMember starts, -1 for an empty object.
func firstMember(obj []byte) int {
	if obj[1] == '}' {
		return -1
	}
	return 1
}

// elementsOf returns the elements of an array.
func elementsOf(arr []byte) [][]byte {
	if arr[1] == ']' {
		return nil
	}
	var out [][]byte
	for i := 1; ; i++ {
		end := skipValue(arr, i)
		out = append(out, arr[i:end])
		if i = end; arr[i] == ']' {
			return out
		}
	}
}

// lookup returns the value at a path of keys, nil when there is none. The keys of an
// object are sorted, so it stops at the first that comes later.
func lookup(value []byte, path ...string) []byte {
	for _, name := range path {
		if len(value) == 0 || value[0] != '{' {
			return nil
		}
		if value = memberOf(value, name); value == nil {
			return nil
		}
	}
	return value
}

// memberOf returns the value under a key of an object, nil when there is none.
func memberOf(obj []byte, name string) []byte {
	for i := firstMember(obj); i >= 0; {
		k := skipText(obj, i)
		if key := obj[i+1 : k-1]; string(key) == name {
			return obj[k+1 : skipValue(obj, k+1)]
		} else if string(key) > name {
			return nil
		}
		v := skipValue(obj, k+1)
		if obj[v] == '}' {
			return nil
		}
		i = v + 1
	}
	return nil
}
