package product

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Limits of a file of users.
const (
	maxUsers    = 1000
	maxLine     = 8 << 10
	maxFindings = 20 // that are told at once
)

// FileError is one thing that is wrong in a file of users. It never repeats a value.
type FileError struct {
	Line    int    // from 1
	Field   string // such as token_hash or roles.contoso; "" for the line as a whole
	Problem string // for people
}

// Error implements error.
func (e *FileError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Problem)
	}
	return fmt.Sprintf("line %d, %s: %s", e.Line, e.Field, e.Problem)
}

// ReadUsers reads the users of a product: a JSON object per line, such as
//
//	{"id": "alice", "name": "Alice Adams", "token_hash": "$argon2id$v=19$...", "roles": {"contoso": "owner"}}
//
// with lines that are empty or begin with # left out. The error joins a [*FileError] for each
// thing that is wrong, the first 20 of them.
func ReadUsers(r io.Reader) (*Users, error) {
	u, errs := &Users{}, []error(nil)
	first := map[string]int{} // the line of an id
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	n := 0
	for lines.Scan() && len(errs) < maxFindings {
		n++
		line := bytes.TrimSpace(lines.Bytes())
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff")) // some editors begin a file so
		}
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		x, findings := parseUser(line)
		if before := first[x.actor.ID]; before != 0 {
			findings = append(findings, &FileError{Field: "id", Problem: fmt.Sprintf("is that of line %d too", before)})
		} else if x.actor.ID != "" {
			first[x.actor.ID] = n
		}
		for _, f := range findings {
			f.Line = n
			errs = append(errs, f)
		}
		if len(findings) == 0 {
			u.add(x)
		}
		if len(u.list) > maxUsers {
			return nil, &FileError{Line: n, Problem: fmt.Sprintf("there are more than %d users", maxUsers)}
		}
	}
	switch err := lines.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		errs = append(errs, &FileError{Line: n + 1, Problem: fmt.Sprintf("is longer than %d bytes", maxLine)})
	case err != nil:
		return nil, err
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs[:min(len(errs), maxFindings)]...)
	}
	if len(u.list) == 0 {
		return nil, errors.New("there is no user in it")
	}
	return u, nil
}

// idForm keeps ids apart from the token that follows them in a header, see [Product.Principal].
var idForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,63}$`)

// parseUser reads a line.
func parseUser(line []byte) (x user, findings []*FileError) {
	bad := func(field, problem string) { findings = append(findings, &FileError{Field: field, Problem: problem}) }
	fields, err := members(line)
	if err != nil {
		bad("", err.Error())
		return x, findings
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if seen[f.name] {
			bad(f.name, "stands there twice")
			continue
		}
		seen[f.name] = true
		switch f.name {
		case "id":
			switch id, ok := f.text(); {
			case !ok || !idForm.MatchString(id):
				bad(f.name, "must be 1 to 64 lower-case letters, digits and any of . _ @ + -, the first a letter or digit")
			case id == runs.SystemActor.ID:
				bad(f.name, "is that of the program itself")
			default:
				x.actor.ID = id
			}
		case "name":
			if x.actor.Name, _ = f.text(); !nameable(x.actor.Name) {
				bad(f.name, "must be 1 to 100 visible characters")
			}
		case "token_hash":
			text, _ := f.text()
			if x.hash, err = parseHash(text); err != nil {
				bad(f.name, err.Error())
			}
		case "roles":
			var more []*FileError
			x.roles, more = parseRoles(f.raw)
			findings = append(findings, more...)
		default:
			bad("", "has a field that there is not; there are id, name, token_hash and roles")
		}
	}
	for _, name := range []string{"id", "name", "token_hash", "roles"} {
		if !seen[name] {
			bad(name, "is required")
		}
	}
	return x, findings
}

func nameable(name string) bool {
	return strings.TrimSpace(name) != "" && utf8.RuneCountInString(name) <= 100 && !strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// parseRoles reads a role per tenant.
func parseRoles(raw json.RawMessage) (map[graph.TenantID]runs.Role, []*FileError) {
	list, err := members(raw)
	if err != nil {
		return nil, []*FileError{{Field: "roles", Problem: `must be an object such as {"contoso": "owner"}`}}
	}
	roles, findings := map[graph.TenantID]runs.Role{}, []*FileError(nil)
	for _, m := range list {
		tenant := graph.TenantID(m.name)
		if !HasTenant(tenant) {
			findings = append(findings, &FileError{Field: "roles", Problem: "names a tenant that there is not; there are contoso and fabrikam"})
			continue
		}
		text, _ := m.text()
		switch {
		case roles[tenant] != runs.RoleNone:
			findings = append(findings, &FileError{Field: "roles." + m.name, Problem: "stands there twice"})
		case !slices.Contains(allRoles(), runs.Role(text)):
			findings = append(findings, &FileError{Field: "roles." + m.name, Problem: "must be owner, manager, operator or readonly"})
		default:
			roles[tenant] = runs.Role(text)
		}
	}
	return roles, findings
}

// member is a member of a JSON object.
type member struct {
	name string
	raw  json.RawMessage
}

// text is the value when it is a string.
func (m member) text() (s string, ok bool) {
	var p *string // nil for null
	if json.Unmarshal(m.raw, &p) != nil || p == nil {
		return "", false
	}
	return *p, true
}

var errNoObject = errors.New("must be one JSON object")

// members reads an object, repeated names included, which encoding/json would join. Errors do
// not repeat what stands there.
func members(raw []byte) ([]member, error) {
	if !utf8.Valid(raw) {
		return nil, errors.New("must be UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errNoObject
	}
	var list []member
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		var value json.RawMessage
		if err != nil || !ok || d.Decode(&value) != nil {
			return nil, errNoObject
		}
		list = append(list, member{name, value})
	}
	if _, err := d.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return list, nil
}
