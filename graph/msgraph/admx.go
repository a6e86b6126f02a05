package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

const policyDefinitions = "/deviceManagement/groupPolicyDefinitions"

// definitionValues makes an administrative template hold the wanted settings and no others, in
// one request that happens as a whole.
func (w writing) definitionValues(ctx context.Context, at string, wanted []json.RawMessage, made bool) error {
	there := map[string]string{} // ids of values by their definition
	if !made {
		live, err := w.rows(ctx, at+"/definitionValues", "$expand=definition")
		if err != nil {
			return err
		}
		for _, l := range live {
			value, _ := fields(l)
			of := idOf(value["definition"])
			if of == "" {
				return w.fail(graph.KindIncomplete, "the answer has a setting that does not say of which definition it is")
			}
			there[strings.ToLower(of)] = text(value["id"])
		}
	}
	var added, updated, deleted []json.RawMessage
	for _, e := range wanted {
		value, ok := fields(e)
		if !ok || idOf(value["definition"]) == "" {
			return w.fail(graph.KindInvalid, "a setting in definitionValues does not say of which definition it is")
		}
		d, err := w.definition(ctx, value["definition"])
		if err != nil {
			return err
		}
		body, err := w.setting(ctx, value, d)
		if err != nil {
			return err
		}
		if id, ok := there[strings.ToLower(d.id)]; ok {
			body["id"] = quoted(id)
			updated = append(updated, body.json())
			delete(there, strings.ToLower(d.id))
			continue
		}
		added = append(added, body.json())
	}
	for _, id := range there {
		deleted = append(deleted, quoted(id))
	}
	if len(added)+len(updated)+len(deleted) == 0 {
		return nil
	}
	r := w.request(http.MethodPost, at+"/updateDefinitionValues", document{
		"added": array(added), "updated": array(updated), "deletedIds": array(deleted),
	}.json())
	r.create, r.bare = true, true
	_, err := w.c.do(ctx, w.tenant, r)
	return err
}

// definition is that of a setting, as the tenant has it.
type definition struct {
	id     string
	fields []json.RawMessage // its presentations, when it is not the one that was captured
}

// definition finds the definition of a setting. Microsoft's have the same id in every tenant;
// those of imported files have new ones with every import and are told by name, category and
// class.
func (w writing) definition(ctx context.Context, captured json.RawMessage) (definition, error) {
	object, _ := fields(captured)
	id := text(object["id"])
	if text(object["policyType"]) != "admxIngested" {
		return definition{id: id}, nil
	}
	_, err := w.c.do(ctx, w.tenant, w.call(policyDefinitions+"/"+escape(id), "$select=id"))
	if err == nil || graph.KindOf(err) != graph.KindNotFound {
		return definition{id: id}, err
	}
	name := strings.ReplaceAll(text(object["displayName"]), "'", "''")
	rows, err := w.rows(ctx, policyDefinitions, "$filter="+url.PathEscape("displayName eq '"+name+"'"))
	if err != nil {
		return definition{}, err
	}
	var found []string
	for _, row := range rows {
		have, _ := fields(row)
		if text(have["displayName"]) == text(object["displayName"]) && text(have["categoryPath"]) == text(object["categoryPath"]) &&
			text(have["classType"]) == text(object["classType"]) {
			found = append(found, text(have["id"]))
		}
	}
	if len(found) != 1 {
		return definition{}, w.fail(graph.KindInvalid, "a setting is of an imported ADMX file that the tenant does not have, or has twice; import the file first")
	}
	presentations, err := w.rows(ctx, policyDefinitions+"/"+escape(found[0])+"/presentations", "")
	return definition{id: found[0], fields: presentations}, err
}

// setting is the body of a definition's value, which names definition and presentations by URL.
func (w writing) setting(ctx context.Context, value document, d definition) (document, error) {
	body := value.without("id", "definition", "createdDateTime", "lastModifiedDateTime")
	at := w.binding(policyDefinitions, d.id)
	body["definition@odata.bind"] = quoted(at)
	values := []json.RawMessage{}
	peers := map[string]int{} // labels of what was captured
	all := elements(value["presentationValues"])
	for _, e := range all {
		v, _ := fields(e)
		peers[labelOf(v["presentation"])]++
	}
	seen := map[string]int{}
	for _, e := range all {
		v, ok := fields(e)
		if !ok {
			return nil, w.fail(graph.KindInvalid, "a value in presentationValues is not an object")
		}
		id := idOf(v["presentation"])
		if d.fields != nil {
			label := labelOf(v["presentation"])
			id = sameField(d.fields, label, seen[label], peers[label])
			seen[label]++
		}
		if id == "" {
			return nil, w.fail(graph.KindInvalid, "a value in presentationValues does not say of which presentation it is, or the tenant's definition has none like it")
		}
		p := document(v).without("id", "presentation", "createdDateTime", "lastModifiedDateTime")
		p["presentation@odata.bind"] = quoted(at + "/presentations('" + strings.ReplaceAll(id, "'", "''") + "')")
		values = append(values, p.json())
	}
	body["presentationValues"] = array(values)
	return body, nil
}

// sameField finds the presentation of another import of the same file: by its label, and of
// several with that label by its place among them. Where they are not as many as were captured
// there is none: a value in another's field would be worse.
func sameField(there []json.RawMessage, label string, place, peers int) string {
	var found []json.RawMessage
	for _, f := range there {
		if labelOf(f) == label {
			found = append(found, f)
		}
	}
	if len(found) != peers {
		return ""
	}
	return idOf(found[place])
}

// labelOf is the label of a presentation.
func labelOf(presentation []byte) string {
	object, _ := fields(presentation)
	return text(object["label"])
}

var _ graph.Client = (*Client)(nil)
