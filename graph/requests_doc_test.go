package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// sources tell where it was read how a type is read or written, as far as Graph's reference
// does not tell, or tells something else.
var sources = map[graph.PolicyType]string{
	"deviceConfiguration":                 "That values are shown to apps which may write: reports of users, other than the reference.",
	"settingsCatalogPolicy":               "25 rows a page, and `$top`: reports of users. `settingCount`: 36 of 36 exports of real tenants agree.",
	"deviceManagementSettings":            "A property of `/deviceManagement`, which answers as an object: the tools that export it.",
	"hardwareConfiguration":               "The key of assign: the reference, and tools that were refused with `assignments`.",
	"policySet":                           "Refused in a listing: reports of users. The action update: Microsoft's OpenAPI.",
	"appleUserInitiatedEnrollmentProfile": "No action assign: Microsoft's SDKs and its map of permissions have a POST of each.",
	"appProtectionPolicy":                 "What the Windows Information Protection types can expand: the tools that export them.",
	"targetedManagedAppConfiguration":     "Settings, and the action changeSettings: recorded requests of the admin centre, and Microsoft's OpenAPI.",
	"mobileApp":                           "The filter, and that categories are not expanded with full metadata: the tools that export apps.",
	"roleDefinition":                      "Members and scope tags by id, with the cast, at minimal metadata: the tools that export roles.",
	"cloudPcProvisioningPolicy":           "The reference: assignments are returned only when expanded.",
	"cloudPcUserSettings":                 "The reference: assignments are returned only when expanded.",
	"windowsQualityUpdatePolicy":          "Microsoft's OpenAPI has its action assign only; the rest as its siblings.",
	"enrollmentRestriction":               "That a filter by id does not work: the tools that export these types.",
}

func writeReading(b *strings.Builder) {
	b.WriteString("\n## Reading\n\nEvery listing is read to its last page. An object is read by its id, with the parts beside it, unless its row is all. " +
		"\"Types\" are the `@odata.type`s of the rows that belong to the type, without `#microsoft.graph.`. \"Limits\" are whose limits count.\n\n" +
		"| key | list | object | parts beside it | types | limits | source |\n|---|---|---|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		if info.Capturable() {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s |\n", info.Key, listing(info), object(info), parts(info.Read.Parts), kinds(info.Read),
				info.Workload, sources[info.Key])
		}
	}
}

func listing(info graph.TypeInfo) string {
	switch r := info.Read; {
	case r.Singleton:
		return "one object"
	case r.ListQuery != "":
		return "`" + strings.ReplaceAll(r.ListQuery, "%20", " ") + "`"
	}
	return "all"
}

func object(info graph.TypeInfo) string {
	r := info.Read
	var out []string
	switch {
	case r.Singleton:
	case info.ListComplete:
		out = append(out, "the row")
	case len(r.Typed) > 0:
		for _, kind := range slices.Sorted(maps.Keys(r.Typed)) {
			out = append(out, "`"+r.Typed[kind].Path+"/{id}?"+r.Typed[kind].ItemQuery+"`")
		}
	case r.ItemQuery != "":
		out = append(out, "`{id}?"+r.ItemQuery+"`")
	default:
		out = append(out, "`{id}`")
	}
	if len(r.Unlisted) > 0 {
		out = append(out, "rows lack "+codes(r.Unlisted))
	}
	if r.Masked {
		out = append(out, "masked values one by one")
	}
	if r.MinimalMetadata {
		out = append(out, "minimal metadata")
	}
	return strings.Join(out, "; ")
}

func parts(rules []graph.PartRule) string {
	var out []string
	for _, p := range rules {
		text := "`" + p.Path
		if p.Query != "" {
			text += "?" + p.Query
		}
		text += "`"
		if p.Count != "" {
			text += ", as many as `" + p.Count + "`"
		}
		if p.ByID != "" {
			text += ", each by `" + p.ByID + "/{id}?" + p.ByIDQuery + "`"
		}
		if len(p.Each) > 0 {
			text += ", each with " + parts(p.Each)
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func kinds(r graph.ReadRules) string {
	var out []string
	for _, kind := range slices.Concat(r.Only, slices.Sorted(maps.Keys(r.Typed))) {
		out = append(out, strings.TrimPrefix(kind, "#microsoft.graph."))
	}
	for _, kind := range r.Except {
		out = append(out, "not "+strings.TrimPrefix(kind, "#microsoft.graph."))
	}
	return strings.Join(out, ", ")
}

func writeRequests(b *strings.Builder) {
	b.WriteString("\nHow it is sent, where that is not POST to the collection, PATCH of the object and, for assignments, POST of `{\"assignments\": [...]}` to `{id}/assign`.\n\n" +
		"| key | create | update | after the object | assignments | hook |\n|---|---|---|---|---|---|\n")
	for _, info := range graph.Catalog.All() {
		r := info.Write.Requests
		create, update, steps, assign := created(r), updated(r), steps(r.Steps), assigning(r)
		if hook := codes(nonEmpty(string(r.Hook))); create+update+steps+assign+hook != "" {
			fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s |\n", info.Key, create, update, steps, assign, hook)
		}
	}
}

func created(r graph.RequestRules) string {
	switch {
	case r.Upsert:
		return "PATCH of the id"
	case len(r.First) > 0:
		return "only " + codes(r.First) + ", the rest in an update"
	case len(r.Later) > 0:
		return codes(r.Later) + " in an update"
	}
	return ""
}

func updated(r graph.RequestRules) string {
	switch {
	case r.Put:
		return "PUT"
	case r.UpdatePath != "":
		return "PATCH of `" + r.UpdatePath + "` as `" + r.Envelope + "`"
	}
	return ""
}

func steps(rules []graph.StepRule) string {
	var out []string
	for _, s := range rules {
		text := "`" + s.Part + "`"
		switch {
		case s.Action != "":
			text += " by `" + s.Action + "` as " + codes(append([]string{s.Key}, s.With...))
		case s.Link != "":
			text += ", each a link into `" + s.Link + "`"
		default:
			text += " one by one" + strings.TrimSuffix(", the same by "+codes(nonEmpty(s.Match)), ", the same by ")
		}
		if s.Created {
			text += ", after updates"
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

func assigning(r graph.RequestRules) string {
	if r.AssignEach {
		return "POST of each to `{id}/assignments`"
	}
	return codes(nonEmpty(r.AssignKey))
}

func nonEmpty(word string) []string {
	if word == "" {
		return nil
	}
	return []string{word}
}
