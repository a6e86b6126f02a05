package graph

import (
	"context"
	"fmt"
	"slices"
)

// PermissionReader tells what an app was granted in a tenant. Implementations are safe for
// concurrent use.
type PermissionReader interface {
	// Permissions returns the names of the application permissions (Graph calls them app
	// roles) that the app has in the tenant, such as "DeviceManagementApps.Read.All", in no
	// particular order. It takes a sign-in at most and makes no request to Graph. Errors are
	// those of [Reader].
	Permissions(ctx context.Context, tenant TenantID) ([]string, error)
}

// Access is what an app may do with a policy type in a tenant.
type Access struct {
	Info    TypeInfo
	Missing Permissions // what of Info.Permissions nothing that was granted meets; no Write where nothing can be restored
}

// Reads tells whether the type can be read. A backup records it as forbidden otherwise and
// goes on with the others.
func (a Access) Reads() bool { return len(a.Missing.Read) == 0 }

// ReadsSecrets tells whether nothing is masked in what is read.
func (a Access) ReadsSecrets() bool { return a.Reads() && len(a.Missing.Secrets) == 0 }

// Writes tells whether the type can be restored, which also takes reading it.
func (a Access) Writes() bool {
	return a.Info.Support == Restorable && a.Reads() && len(a.Missing.Write) == 0
}

// Preflight holds what was granted against what types need, one Access per type in the order
// of types. Nil stands for all that a backup reads: every type that can be captured, and those
// that give names to what policies refer to, in the order of the catalogue.
//
// A type whose Permissions say nothing is taken to need nothing. A type that the catalogue
// does not have is an [*Error] of KindUnsupported.
func Preflight(c *Catalogue, granted []string, types []PolicyType) ([]Access, error) {
	var infos []TypeInfo
	if types == nil {
		infos = c.selectTypes(func(t TypeInfo) bool {
			return t.Capturable() || t.ViewOf == "" && len(t.Permissions.Read) > 0
		})
	}
	for _, key := range types {
		info, ok := c.Lookup(key)
		if !ok {
			return nil, &Error{Op: "preflight", Kind: KindUnsupported, Err: fmt.Errorf("there is no policy type %q", key)}
		}
		infos = append(infos, info)
	}
	out := make([]Access, len(infos))
	for i, info := range infos {
		need := info.Permissions
		if info.Support != Restorable {
			need.Write = nil
		}
		out[i] = Access{Info: info, Missing: Permissions{
			Read: unmet(need.Read, granted), Secrets: unmet(need.Secrets, granted), Write: unmet(need.Write, granted),
		}}
	}
	return out, nil
}

// unmet returns the demands that nothing of granted meets.
func unmet(demands []Permission, granted []string) (missing []Permission) {
	for _, anyOf := range demands {
		met := func(name string) bool { return slices.Contains(granted, name) }
		if !slices.ContainsFunc(anyOf, met) {
			missing = append(missing, anyOf)
		}
	}
	return missing
}
