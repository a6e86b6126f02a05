package pages

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"time"
)

// static/ holds everything that pages load. htmx 4.0.1 (npm htmx.org, dist/htmx.min.js) and Pico
// CSS 2.1.1 (npm @picocss/pico, css/pico.min.css) are the packages' own files, unchanged; a test
// holds them against the sums in static/SHA256SUMS.
//
//go:embed static
var staticFiles embed.FS

// assets are the files of static/ by name.
type assets map[string]asset

type asset struct {
	content []byte
	version string // of the content, for the address
}

func loadAssets() (assets, error) {
	all := assets{}
	err := fs.WalkDir(staticFiles, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := staticFiles.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		all[path.Base(name)] = asset{content: content, version: hex.EncodeToString(sum[:6])}
		return nil
	})
	return all, err
}

func (a assets) url(prefix, name string) string {
	return prefix + "/-/static/" + name + "?v=" + a[name].version
}

// Stylesheets are the addresses of the stylesheets of pages with a prefix, "" for
// [DefaultPrefix], for a host that wants to look alike.
func Stylesheets(prefix string) ([]string, error) {
	all, err := loadAssets()
	if err != nil {
		return nil, err
	}
	prefix = cmp.Or(prefix, DefaultPrefix)
	return []string{all.url(prefix, "pico.min.css"), all.url(prefix, "app.css")}, nil
}

// asset serves a file. Its address changes with its content, so a browser may keep it.
func (p *Pages) asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	a, ok := p.assets[name]
	if !ok {
		p.fail(w, r, nil, notFound())
		return
	}
	h := w.Header()
	h.Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	h.Set("ETag", `"`+a.version+`"`)
	h.Set("Cache-Control", "no-cache")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(a.content))
}
