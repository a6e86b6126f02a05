package transfer_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// entries reads a zip whole.
func entries(t testing.TB, raw []byte) (names []string, files map[string][]byte) {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		names, files[f.Name] = append(names, f.Name), content
	}
	return names, files
}

func readManifest(t testing.TB, raw []byte) (m transfer.Manifest) {
	t.Helper()
	_, files := entries(t, raw)
	if err := json.Unmarshal(files["manifest.json"], &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// rewrite changes the files of an archive and its manifest.
func rewrite(t testing.TB, raw []byte, change func(files map[string][]byte, m *transfer.Manifest)) []byte {
	t.Helper()
	names, files := entries(t, raw)
	m := readManifest(t, raw)
	change(files, &m)
	var err error
	if files["manifest.json"] != nil {
		if files["manifest.json"], err = json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	}
	var list []entry
	for _, name := range names {
		if content, ok := files[name]; ok {
			list = append(list, entry{name: name, content: content})
			delete(files, name)
		}
	}
	for name, content := range files {
		list = append(list, entry{name: name, content: content})
	}
	return zipOf(t, list...)
}

func edit(t testing.TB, raw []byte, change func(m *transfer.Manifest)) []byte {
	return rewrite(t, raw, func(_ map[string][]byte, m *transfer.Manifest) { change(m) })
}

// forge gives a file another content that its hash fits.
func forge(files map[string][]byte, e *transfer.Entry, content []byte) {
	sum := sha256.Sum256(content)
	files[e.File], e.Size, e.SHA256 = bytes.Clone(content), int64(len(content)), hex.EncodeToString(sum[:])
}

// swap replaces a text in the third file.
func swap(files map[string][]byte, m *transfer.Manifest, old, text string) []byte {
	return bytes.Replace(files[m.Items[2].File], []byte(old), []byte(text), 1)
}

// entry is one of a zip; header may change what is said about it.
type entry struct {
	name    string
	content []byte
	header  func(*zip.FileHeader)
}

func zipOf(t testing.TB, list ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range list {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.header != nil {
			e.header(h)
		}
		w, err := z.CreateHeader(h)
		if err == nil && len(e.content) > 0 {
			_, err = w.Write(e.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// createRequest asks for a set of some types, chosen by the bits of n.
func createRequest(n int, foundations bool, seed uint64) runs.Request {
	all := []graph.PolicyType{"settingsCatalogPolicy", "deviceConfiguration", "conditionalAccessPolicy", "deviceCompliancePolicy", "groupPolicyConfiguration", "deviceManagementScript", "mobileApp"}
	var types []graph.PolicyType
	for i, t := range all {
		if n>>i&1 == 1 {
			types = append(types, t)
		}
	}
	return capture.CreateSetRequest("generated", capture.Selection{PolicyTypes: types, IncludeFoundations: foundations})
}
