package graphtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// LoadDir fills a tenant from a folder of exported JSON, laid out as
// <policyType>/<any name>.json, and returns how many objects it loaded. See
// [Graph.LoadFS].
func (g *Graph) LoadDir(id graph.TenantID, dir string) (int, error) {
	// os.DirFS would fail only at the first file, with a message about ".".
	if info, err := os.Stat(dir); err != nil {
		return 0, fmt.Errorf("graphtest: LoadDir: %w", err)
	} else if !info.IsDir() {
		return 0, fmt.Errorf("graphtest: LoadDir: %s is not a folder", dir)
	}
	return g.LoadFS(id, os.DirFS(dir))
}

// LoadFS fills a tenant from exported JSON, one file an object, in folders named after
// policy types. The bytes of a file become the object's Raw as they are, with byte order
// mark, line ends and OData annotations; id, name and "@odata.type" are read from it. The
// objects have no parts, for exports hold settings and assignments inline.
//
// It refuses a folder that is not a type that can be captured, a file that is not one
// JSON object with an id, and an id that the type has already; errors name the file, and
// nothing is loaded then. Files beside the folders and files that do not end in .json are
// left alone. An object whose "settings" are fewer than its "settingCount" is loaded, and
// Get answers incomplete for it.
func (g *Graph) LoadFS(id graph.TenantID, fsys fs.FS) (int, error) {
	tn, err := g.tenantFor(id)
	if err != nil {
		return 0, err
	}
	found, err := g.readExport(fsys)
	if err != nil {
		return 0, fmt.Errorf("graphtest: load: %w", err)
	}
	tn.mu.Lock()
	defer tn.mu.Unlock()
	seen := map[Key]string{}
	for _, f := range found {
		k := Key{f.policy.Type, f.policy.ID}
		if first, ok := seen[k]; ok {
			return 0, fmt.Errorf("graphtest: load: %s has the id %s of %s", f.file, k.ID, first)
		}
		seen[k] = f.file
		if _, _, ok := tn.find(k.Type, k.ID); ok {
			return 0, fmt.Errorf("graphtest: load: %s: %s %s exists already in the tenant", f.file, k.Type, k.ID)
		}
	}
	for _, f := range found {
		if err := tn.insert(f.info, &object{policy: f.policy, incomplete: f.incomplete}); err != nil {
			return 0, fmt.Errorf("graphtest: load: %s: %w", f.file, err)
		}
	}
	return len(found), nil
}

type exported struct {
	file       string
	info       graph.TypeInfo
	policy     graph.Policy
	incomplete bool
}

func (g *Graph) readExport(fsys fs.FS) ([]exported, error) {
	folders, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, err
	}
	var out []exported
	for _, folder := range folders {
		if !folder.IsDir() {
			continue
		}
		info, ok := g.catalogue.Lookup(graph.PolicyType(folder.Name()))
		switch {
		case !ok:
			return nil, fmt.Errorf("folder %s is not a policy type of the catalogue; rename or remove it", folder.Name())
		case info.ViewOf != "":
			return nil, fmt.Errorf("folder %s: these policies belong into %s", folder.Name(), info.ViewOf)
		case !info.Capturable():
			return nil, fmt.Errorf("folder %s: objects of this type are not captured for themselves", folder.Name())
		}
		files, err := fs.ReadDir(fsys, folder.Name())
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			file := path.Join(folder.Name(), f.Name())
			switch {
			case f.IsDir():
				return nil, fmt.Errorf("%s is a folder; files stand directly in the folder of their type", file)
			case !strings.EqualFold(path.Ext(f.Name()), ".json"):
				continue
			}
			raw, err := fs.ReadFile(fsys, file)
			if err != nil {
				return nil, err
			}
			e, err := parseExport(info, raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			e.file = file
			out = append(out, e)
		}
	}
	return out, nil
}

func parseExport(info graph.TypeInfo, raw []byte) (exported, error) {
	text := bytes.TrimPrefix(raw, bom)
	var props map[string]json.RawMessage
	// The decoder's errors quote the file's bytes, so only their place is passed on.
	if err := json.Unmarshal(text, &props); err != nil || props == nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return exported{}, fmt.Errorf("not one JSON object: mistake at byte %d", syntax.Offset)
		}
		return exported{}, errors.New("not one JSON object")
	}
	p := graph.Policy{Type: info.Key, Raw: raw}
	for key, into := range map[string]*string{"id": &p.ID, "@odata.type": &p.ODataType, info.NameProperty: &p.Name} {
		if value, ok := props[key]; ok && key != "" && json.Unmarshal(value, into) != nil {
			return exported{}, fmt.Errorf("property %q is not a string", key)
		}
	}
	if p.ID == "" && info.NameProperty == "" {
		p.ID = string(info.Key) // the one object of its type
	}
	if p.ID == "" {
		return exported{}, errors.New(`property "id" is required`)
	}
	var announced int
	var settings []json.RawMessage
	_ = json.Unmarshal(props["settingCount"], &announced) // absent or of another kind: nothing is announced
	inline := json.Unmarshal(props["settings"], &settings) == nil && settings != nil
	return exported{info: info, policy: p, incomplete: inline && len(settings) < announced}, nil
}
