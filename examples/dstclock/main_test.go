package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const want = `warning: on 2026-03-29 02:30 does not exist in Europe/Berlin: this backup is skipped; the next time that exists is 03:00
warning: on 2027-03-28 02:30 does not exist in Europe/Berlin: this backup is skipped; the next time that exists is 03:00
warning: on 2028-03-26 02:30 does not exist in Europe/Berlin: this backup is skipped; the next time that exists is 03:00
March 2026
  Mon 30 Mar 02:30 CEST = 00:30 UTC
October 2026
  Sun 25 Oct 02:30 CEST = 00:30 UTC
  Mon 26 Oct 02:30 CET = 01:30 UTC
`

func TestTheSlotsAroundBothChangesOfTheYear(t *testing.T) {
	var out bytes.Buffer
	if err := play(t.Context(), filepath.Join(t.TempDir(), "backups.db"), &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
