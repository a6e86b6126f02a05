package transfer_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/internal/rig"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// small are limits that a test reaches.
var small = transfer.Limits{Entries: 60, EntrySize: 3 << 20, TotalSize: 8 << 20, Ratio: 40}

const object = `{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","id":"a","displayName":"A"}`

func TestAHostileFileIsRefusedAsAWhole(t *testing.T) {
	from := rig.New(t, rig.Options{Policies: 12})
	set := from.Backup(from.Schedule(nil).ID).BackupSetID
	sound := archived(t, from, set, transfer.ExportOptions{Secrets: true})
	portal := archived(t, from, set, transfer.ExportOptions{Portal: true})
	to := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.Limits = small })
	blank := bytes.Repeat([]byte(" "), 2<<20)
	one := entry{name: "x.json", content: []byte(object)}
	named := func(name string) []byte { return zipOf(t, one, entry{name: name, content: []byte(object)}) }
	with := func(change func(f map[string][]byte, m *transfer.Manifest)) []byte { return rewrite(t, sound, change) }

	for name, tt := range map[string]struct {
		raw  []byte
		says string
	}{
		"no zip":                  {[]byte("hello, world"), "not a zip"},
		"a byte":                  {[]byte("P"), "not a zip"},
		"a zip cut off":           {sound[:len(sound)-100], "not a zip"},
		"a zip cut off in front":  {sound[100:], "directory is not where"},
		"something in front":      {append([]byte("#!/bin/sh\n"), sound...), "directory is not where"},
		"something behind":        {append(bytes.Clone(sound), "x"...), "end is damaged"},
		"an empty zip":            {zipOf(t), "no JSON files"},
		"nothing but pictures":    {zipOf(t, entry{name: "x.png", content: []byte("x")}), "no JSON files"},
		"a directory that lies":   {patchEnd(sound, 10, 1), "damaged"},
		"too few entries named":   {patchEnd(patchEnd(sound, 10, 1), 8, 1), "other entries than it says"},
		"the 64-bit form":         {patchEnd(patchEnd(sound, 10, 0xffff), 8, 0xffff), "more than 60 entries"},
		"many entries":            {zipOf(t, many(61)...), "more than 60 entries"},
		"a fat directory":         {zipOf(t, entry{name: "x.json", content: []byte(object), header: func(h *zip.FileHeader) { h.Comment = strings.Repeat("x", 5000) }}), "comment of more than"},
		"a bomb":                  {zipOf(t, one, entry{name: "b.json", content: blank}), `"b.json" expands to more`},
		"a large entry":           {zipOf(t, one, entry{name: "b.json", content: make([]byte, 4<<20), header: stored}), `"b.json" expands to more`},
		"large entries":           {zipOf(t, large(t, 4)...), "expands to more"},
		"a way out":               {named("../x.json"), "leads out"},
		"a hidden way out":        {named("a/../../x.json"), "leads out"},
		"a way out for Windows":   {named(`..\..\x.json`), "leads out"},
		"an absolute name":        {named("/etc/passwd.json"), "leads out"},
		"a drive":                 {named(`C:\x.json`), "leads out"},
		"a share":                 {named(`\\host\x.json`), "leads out"},
		"here":                    {named("./x.json"), "leads out"},
		"no name":                 {named("a//x.json"), "leads out"},
		"a NUL in a name":         {named("a\x00.json"), "control characters"},
		"a long name":             {named(strings.Repeat("x", 600) + ".json"), "more than 512 bytes"},
		"broken UTF-8":            {zipOf(t, entry{name: "a\xff.json", content: []byte(object), header: func(h *zip.FileHeader) { h.Flags |= 1 << 11 }}), "not the UTF-8"},
		"a name twice":            {named("x.json"), "there twice"},
		"a name in two cases":     {named("X.JSON"), "letter case only"},
		"a name with two slashes": {zipOf(t, entry{name: "a/b.json", content: []byte(object)}, entry{name: `a\b.json`, content: []byte(object)}), "there twice"},
		"a link": {zipOf(t, one, entry{name: "l.json", content: []byte("/etc/passwd"), header: func(h *zip.FileHeader) {
			h.SetMode(fs.ModeSymlink | 0o777)
		}}), "a link"},
		"an encrypted entry":           {patchFlags(zipOf(t, one), 1), "encrypted"},
		"an unknown compression":       {patchMethod(zipOf(t, one), 99), "compressed in a way"},
		"a folder with content":        {patchName(zipOf(t, entry{name: "folder/x.jsonx", content: []byte(object)}), "folder/x.jsonx", "folder/x.json/"), "a folder with content"},
		"an archive for the portal":    {portal, "for the admin portal"},
		"another version":              {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Version = 2 }), "of version 2"},
		"another format":               {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Format = "x" }), "not that of an exported"},
		"another program's manifest":   {zipOf(t, one, entry{name: "manifest.json", content: []byte(`{"format":7}`)}), "not that of an exported"},
		"a manifest that is no object": {zipOf(t, one, entry{name: "manifest.json", content: []byte(`[]`)}), "not that of an exported"},
		"a manifest without end":       {zipOf(t, one, entry{name: "manifest.json", content: []byte(`{"format":"tenantbackup.backup-set","items":[{}` + strings.Repeat(",{}", 2000) + `]}`)}), "more than 60 entries"},
		"a manifest with a key twice":  {zipOf(t, one, entry{name: "manifest.json", content: []byte(`{"format":"tenantbackup.backup-set","items":[],"items":[]}`)}), "not well-formed"},
		"a damaged manifest":           {patchContent(sound), "manifest.json is damaged"},
		"no manifest":                  {with(func(f map[string][]byte, _ *transfer.Manifest) { delete(f, "manifest.json") }), "manifest.json is missing"},
		"a missing file":               {with(func(f map[string][]byte, m *transfer.Manifest) { delete(f, m.Items[0].File) }), "is missing"},
		"a file more":                  {with(func(f map[string][]byte, _ *transfer.Manifest) { f["policies/x.json"] = []byte("{}") }), "not in the manifest"},
		"an entry twice":               {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Items[1] = m.Items[0] }), "of the same policy"},
		"a file for two":               {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Items[1].File = m.Items[0].File }), "same file"},
		"the manifest as a policy":     {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Items[1].File = "manifest.json" }), "same file"},
		"an entry of nobody":           {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Items[1].PolicyID = "" }), "of which policy"},
		"an account too small":         {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Set.Types[0].Captured-- }), "does not fit"},
		"an account below zero":        {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Set.Types[0].Failed = -1 }), "does not fit"},
		"an account twice":             {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Set.Types = append(m.Set.Types, m.Set.Types[0]) }), "does not fit"},
		"no account":                   {with(func(_ map[string][]byte, m *transfer.Manifest) { m.Set.Types = m.Set.Types[1:] }), "no account"},
	} {
		t.Run(name, func(t *testing.T) {
			run := to.bring(tt.raw)
			if run.Status != runs.StatusFailed || run.ErrorCode != runs.CodeImportInvalid || !strings.Contains(run.ErrorMessage, tt.says) {
				t.Fatalf("the run ended %s %s: %s", run.Status, run.ErrorCode, run.ErrorMessage)
			}
			if set := to.Set(run); set.Status != backupset.Partial {
				t.Errorf("the set is %s", set.Status)
			}
			if len(to.uploads()) != 0 {
				t.Error("the upload is still there")
			}
			if strings.Contains(run.ErrorMessage, "displayName") {
				t.Errorf("the message has content: %s", run.ErrorMessage)
			}
		})
	}
	if run := to.bring(sound); run.Status != runs.StatusSuccess {
		t.Errorf("the sound one ended %s: %s", run.Status, run.ErrorMessage)
	}
}

// Two entries: one is larger than it says. What it says is what is read at most.
func TestALieAboutASizeDamagesTheEntryAndExpandsNothing(t *testing.T) {
	to := newWorld(t, rig.Options{Policies: -1}, func(c *transfer.ImporterConfig, _ *transfer.UploaderConfig) { c.Limits = small })
	raw := patchSizes(zipOf(t, entry{name: "x.json", content: []byte(object)}, entry{name: "y.json", content: bytes.Repeat([]byte(" "), 2<<20)}), uint32(len(object)))
	run := to.bring(raw)
	if run.Status != runs.StatusPartial || run.Counts.Succeeded != 1 || run.Counts.Failed != 1 {
		t.Errorf("the run ended %s %s: %s with %+v", run.Status, run.ErrorCode, run.ErrorMessage, run.Counts)
	}
}

func stored(h *zip.FileHeader) { h.Method = zip.Store }

func many(n int) (list []entry) {
	for i := range n {
		list = append(list, entry{name: fmt.Sprintf("%d.json", i), content: []byte(object)})
	}
	return list
}

// large are entries that no limit but that of the sum refuses.
func large(t *testing.T, n int) (list []entry) {
	t.Helper()
	for i := range n {
		content := bytes.Repeat([]byte(" "), 5<<19)
		copy(content, fmt.Sprintf(`{"@odata.type":"#microsoft.graph.conditionalAccessPolicy","id":"%d","displayName":"A"}`, i))
		list = append(list, entry{name: fmt.Sprintf("%d.json", i), content: content, header: stored})
	}
	return list
}

// patchEnd changes a number in the last record of a zip.
func patchEnd(raw []byte, at int, n uint16) []byte {
	raw = bytes.Clone(raw)
	binary.LittleEndian.PutUint16(raw[len(raw)-22+at:], n)
	return raw
}

// patchHeads changes the head of every entry in the directory of a zip.
func patchHeads(raw []byte, change func(head []byte)) []byte {
	raw = bytes.Clone(raw)
	for at := 0; ; at++ {
		i := bytes.Index(raw[at:], []byte("PK\x01\x02"))
		if i < 0 {
			return raw
		}
		at += i
		change(raw[at:])
	}
}

func patchFlags(raw []byte, flags uint16) []byte {
	return patchHeads(raw, func(h []byte) { binary.LittleEndian.PutUint16(h[8:], binary.LittleEndian.Uint16(h[8:])|flags) })
}

func patchMethod(raw []byte, method uint16) []byte {
	return patchHeads(raw, func(h []byte) { binary.LittleEndian.PutUint16(h[10:], method) })
}

// patchSizes lies about how large the entries are when expanded.
func patchSizes(raw []byte, size uint32) []byte {
	return patchHeads(raw, func(h []byte) { binary.LittleEndian.PutUint32(h[24:], size) })
}

func patchName(raw []byte, old, name string) []byte {
	return bytes.ReplaceAll(raw, []byte(old), []byte(name))
}

// patchContent damages the last entry, which is the manifest.
func patchContent(raw []byte) []byte {
	raw = bytes.Clone(raw)
	i := bytes.LastIndex(raw, []byte("PK\x03\x04"))
	for at := i + 60; at < i+90; at++ {
		raw[at] ^= 0x55
	}
	return raw
}
