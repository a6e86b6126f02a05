package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

// The permissions for what is looked up in the directory and is of no policy type.
var lookups = []string{"User.ReadBasic.All", "RoleManagement.Read.Directory"}

// grants are the application permissions to ask for: the first of every demand, and nothing
// that only reads beside what also writes.
func grants(of ...func(graph.Permissions) []graph.Permission) []string {
	var out []string
	for _, info := range graph.Catalog.All() {
		for _, list := range of {
			for _, anyOf := range list(info.Permissions) {
				out = append(out, anyOf[0])
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(name string) bool {
		area, reads := strings.CutSuffix(name, ".Read.All")
		return reads && slices.Contains(out, area+".ReadWrite.All")
	})
}

func reading(p graph.Permissions) []graph.Permission { return p.Read }
func secrets(p graph.Permissions) []graph.Permission { return p.Secrets }
func writing(p graph.Permissions) []graph.Permission { return p.Write }

func TestTheDocumentOfPermissionsIsTheCatalogue(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Permissions\n\nThe application permissions of Microsoft Graph that the built-in catalogue takes, written by `go test ./graph -run Document -update`. " +
		"They are granted by an administrator of each tenant. `refserver preflight` holds a tenant's grants against them, type by type. " +
		"A type without its permission is recorded as `forbidden`, and the others are backed up.\n")
	for _, set := range []struct {
		title, text string
		grants      []string
	}{
		{"A backup that only reads", "All types. Encrypted OMA-URI values of device configurations stay masked, and the policies say `secrets_masked`.", grants(reading)},
		{"A backup with secrets", "Instead of reading configuration, it is written: Graph shows the values to nobody else.", grants(reading, secrets)},
		{"Restore", "Without a permission to write, a type can be previewed and not restored.", grants(reading, secrets, writing)},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", set.title, set.text)
		for _, name := range set.grants {
			fmt.Fprintf(&b, "- `%s`\n", name)
		}
	}
	fmt.Fprintf(&b, "\nConditional Access policies name people and directory roles: %s let a backup keep their names, for a restore into another tenant, "+
		"and a restore see that they are there: without them a policy that is gone and names such is `blocked` as `forbidden`, while the preflight says that the type can be restored. "+
		"`CloudPC` is for tenants with Windows 365, `AuthenticationContext` for those that have authentication contexts.\n", codes(lookups))

	b.WriteString("\n## Type by type\n\nEvery demand of a row is needed (\"and\"); of the permissions of a demand one is enough (\"or\"), and the first is the one to ask for. Instead of `.Read.All`, `.ReadWrite.All` of the same does. To write takes reading too.\n\n" +
		"| key | read | secrets | write |\n|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		p := info.Permissions
		if len(p.Read) > 0 {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", info.Key, demands(p.Read), demands(p.Secrets), demands(p.Write))
		}
	}
	isDocument(t, "../docs/graph-permissions.md", b.String())
}

func demands(list []graph.Permission) string {
	var out []string
	for _, anyOf := range list {
		anyOf = slices.DeleteFunc(slices.Clone(anyOf), func(name string) bool {
			area, writes := strings.CutSuffix(name, ".ReadWrite.All")
			return writes && slices.Contains(anyOf, area+".Read.All")
		})
		out = append(out, "`"+strings.Join(anyOf, "` or `")+"`")
	}
	return strings.Join(out, " and ")
}

func TestTheSetsOfPermissionsAreEnough(t *testing.T) {
	for _, tt := range []struct {
		name            string
		grants          []string
		secrets, writes bool
	}{
		{"reading", grants(reading), false, false},
		{"with secrets", grants(reading, secrets), true, false},
		{"restore", grants(reading, secrets, writing), true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, a := range preflight(t, tt.grants) {
				if !a.Reads() {
					t.Errorf("%s cannot be read: %v is missing", a.Info.Key, a.Missing.Read)
				}
				if tt.secrets && !a.ReadsSecrets() {
					t.Errorf("the secrets of %s are masked: %v is missing", a.Info.Key, a.Missing.Secrets)
				}
				if tt.writes && a.Info.Support == graph.Restorable && !a.Writes() {
					t.Errorf("%s cannot be restored: %v is missing", a.Info.Key, a.Missing.Write)
				}
			}
		})
	}
}

// Least privilege: without any one of the permissions something cannot be done.
func TestTheSetsOfPermissionsHaveNothingTooMuch(t *testing.T) {
	count := func(grants []string, can func(graph.Access) bool) (n int) {
		for _, a := range preflight(t, grants) {
			if can(a) {
				n++
			}
		}
		return n
	}
	all := grants(reading)
	for i, name := range all {
		if name == "DeviceManagementRBAC.Read.All" || name == "DeviceManagementScripts.Read.All" {
			continue // by Microsoft's map reading configuration is enough, by reports of users it is not
		}
		less := slices.Delete(slices.Clone(all), i, i+1)
		if count(less, graph.Access.Reads) == count(all, graph.Access.Reads) {
			t.Errorf("nothing needs %s", name)
		}
	}
	if n := count(all, graph.Access.Writes); n != 0 {
		t.Errorf("%d types can be written with what a backup that only reads asks for", n)
	}
}

func preflight(t *testing.T, granted []string) []graph.Access {
	t.Helper()
	out, err := graph.Preflight(graph.Catalog, granted, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
