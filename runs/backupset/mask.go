package backupset

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Mask returns one JSON value of a captured policy with the values of its secrets replaced
// by "[masked]", and whether there were any. A value without secrets comes back as it is;
// of one with some, the white space between its tokens is lost too. The error tells nothing
// of the content.
//
// What counts as a secret is what a [Canonicalizer.Diff] masks. Scripts are not looked into.
func Mask(raw json.RawMessage) (masked json.RawMessage, any bool, err error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf"))); err != nil {
		return nil, false, fmt.Errorf("%w: it is not JSON", ErrMalformed)
	}
	out := appendMasked(nil, compact.Bytes(), false)
	if bytes.Equal(out, compact.Bytes()) {
		return raw, false, nil
	}
	return out, true, nil
}
