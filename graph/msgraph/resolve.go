package msgraph

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// directoryKind says how objects of the directory are looked up that are of no policy type.
type directoryKind struct {
	version    string
	path       string // of the collection
	key        string // the property that references have as their id
	properties string // what is asked for
}

// directory are the kinds that can be looked up. The permissions are the least that name them:
// GroupMember.Read.All, User.Read.All, Application.Read.All, RoleManagement.Read.Directory.
// directoryObjects/getByIds would be one request for all, but takes Directory.Read.All.
var directory = map[string]directoryKind{
	"group":            {"v1.0", "/groups", "id", "id,displayName,membershipRule"},
	"user":             {"v1.0", "/users", "id", "id,displayName"},
	"application":      {"v1.0", "/servicePrincipals", "appId", "id,appId,displayName"}, // those of other publishers are no applications of the tenant
	"servicePrincipal": {"v1.0", "/servicePrincipals", "id", "id,appId,displayName"},
	"role":             {"v1.0", "/roleManagement/directory/roleDefinitions", "id", "id,displayName"},
}

// call is a lookup on behalf of another call.
func (d directoryKind) call(op graph.Op, t graph.PolicyType, path, query string) call {
	return call{
		op: op, t: t, workload: graph.WorkloadDirectory, method: "GET",
		version: d.version, path: path, query: query + "$select=" + d.properties, minimal: true,
	}
}

// one is the call for an object by the id that references have.
func (d directoryKind) one(op graph.Op, t graph.PolicyType, id string) call {
	if d.key != "id" { // an alternate key
		return d.call(op, t, d.path+"("+d.key+"='"+escape(strings.ReplaceAll(id, "'", "''"))+"')", "")
	}
	return d.call(op, t, d.path+"/"+escape(id), "")
}

// named is the call for the objects of a name, which Graph compares without regard to case.
func (d directoryKind) named(op graph.Op, name string) call {
	literal := "'" + strings.ReplaceAll(name, "'", "''") + "'"
	return d.call(op, "", d.path, "$filter=displayName%20eq%20"+strings.ReplaceAll(url.QueryEscape(literal), "+", "%20")+"&")
}

func (d directoryKind) byID(l *lookup, id string, take func(known, error)) request {
	return request{d.one(l.op, l.info.Key, id), func(body []byte, err error) {
		o, ok := fields(body)
		if err == nil && !ok {
			err = l.fail(graph.KindIncomplete, "the answer has something else in the place of an object of the directory")
		}
		take(known{name: text(o["displayName"]), rule: text(o["membershipRule"])}, err)
	}}
}

// reference makes a reference of an object.
func (d directoryKind) reference(kind string, row []byte) graph.Reference {
	o, _ := fields(row)
	return graph.Reference{Kind: kind, ID: text(o[d.key]), Name: text(o["displayName"]), Rule: text(o["membershipRule"])}
}

// search is the look-up of one reference.
type search struct {
	ref    graph.Reference
	kind   directoryKind
	exists bool
	named  collection
	found  []graph.Reference
}

// Resolve implements [graph.Reader] for groups, users, applications, roles and service
// principals. A service principal's id is its object id, which is the tenant's own.
func (c *Client) Resolve(ctx context.Context, tenant graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	r := reading{c: c, tenant: tenant, op: graph.OpResolve}
	searches := map[graph.Reference]*search{}
	var requests []request
	var failed error
	for _, ref := range refs {
		kind, ok := directory[ref.Kind]
		if !ok {
			return nil, r.fail(graph.KindUnsupported, "references of this kind cannot be looked up")
		}
		if searches[ref] != nil {
			continue
		}
		s := &search{ref: ref, kind: kind}
		searches[ref] = s
		if ref.ID != "" {
			requests = append(requests, request{kind.one(graph.OpResolve, "", ref.ID), func(_ []byte, err error) {
				switch graph.KindOf(err) {
				case "":
					s.exists = true
				case graph.KindNotFound, graph.KindInvalid: // an id that Graph does not take is nobody's
				default:
					failed = err
				}
			}})
		}
		if ref.Name != "" {
			s.named = collection{first: kind.named(graph.OpResolve, ref.Name)}
			requests = append(requests, request{s.named.first, s.named.take(r)})
		}
	}
	if err := r.send(ctx, requests); err != nil {
		return nil, err
	}
	for _, s := range searches {
		if err := r.finish(ctx, s); err != nil {
			failed = err
		}
	}
	if failed != nil {
		return nil, failed
	}
	out := make([]graph.Resolution, len(refs))
	for i, ref := range refs {
		s := searches[ref]
		out[i] = graph.Resolution{Exists: s.exists, Matches: append([]graph.Reference(nil), s.found...)}
	}
	return out, nil
}

// finish picks the matches, and reads on until there are two or no more pages.
func (r reading) finish(ctx context.Context, s *search) error {
	if s.named.err != nil {
		return s.named.err
	}
	s.match(s.named.rows)
	if s.named.next == "" || len(s.found) > 1 {
		return nil
	}
	err := r.c.continued(ctx, r.tenant, s.named.first, s.named.next, func(rows []json.RawMessage) error {
		if s.match(rows); len(s.found) > 1 {
			return errEnough
		}
		return nil
	})
	if err == errEnough {
		return nil
	}
	return err
}

func (s *search) match(rows []json.RawMessage) {
	for _, row := range rows {
		have := s.kind.reference(s.ref.Kind, row)
		if have.ID != "" && strings.EqualFold(have.Name, s.ref.Name) && (s.ref.Rule == "" || s.ref.Rule == have.Rule) {
			s.found = append(s.found, have)
		}
	}
}
