package graphtest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// accepted decodes a body that Graph takes. live is the object that it changes, nil for a new one.
func (w *writing) accepted(body []byte, live *graph.Policy) (map[string]any, error) {
	object, err := graph.Policy{Raw: body}.Decode()
	if err != nil {
		return nil, invalid("the body is not a JSON object")
	}
	for _, check := range []func(map[string]any, *graph.Policy) error{
		w.readOnly, w.special, w.polymorphic, w.secrets, w.complete,
	} {
		if err := check(object, live); err != nil {
			return nil, err
		}
	}
	_, err = w.references(object)
	return object, err
}

// readOnly refuses properties that the write does not take. It looks at a copy of its own,
// because finding them takes them out.
func (w *writing) readOnly(object map[string]any, live *graph.Policy) error {
	if found := w.info.StripReadOnly(clone(object).(map[string]any), live != nil); len(found) > 0 {
		return invalid(fmt.Sprintf("property %q is read-only", found[0]))
	}
	return nil
}

func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = clone(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = clone(inner)
		}
		return out
	}
	return v
}

// special refuses objects that every tenant has already, or that are Microsoft's.
func (w *writing) special(object map[string]any, live *graph.Policy) error {
	rules := w.info.Write
	if live == nil {
		if rules.Default.Applies(object) || rules.BuiltIn.Applies(object) {
			return invalid("objects like this are there already in every tenant; change that one")
		}
		return nil
	}
	have, err := live.Decode()
	if err != nil || rules.BuiltIn.Applies(have) {
		return invalid("the object is built in and cannot be changed")
	}
	return nil
}

// polymorphic refuses a body that does not say of which type it is, or says another one.
func (w *writing) polymorphic(object map[string]any, live *graph.Policy) error {
	kind, given := object["@odata.type"]
	text, isText := kind.(string)
	switch {
	case given && (!isText || !strings.HasPrefix(text, "#microsoft.graph.")):
		return invalid(`property "@odata.type" is not the name of a type`)
	case !given && w.info.Write.Polymorphic:
		return invalid(`property "@odata.type" is required`)
	case given && live != nil && live.ODataType != "" && live.ODataType != text:
		return invalid(`property "@odata.type" is not that of the object`)
	}
	return nil
}

// secrets refuses references to secrets, which are good for the object only that has them.
func (w *writing) secrets(object map[string]any, live *graph.Policy) error {
	list, _ := object["omaSettings"].([]any)
	for _, e := range list {
		setting, _ := e.(map[string]any)
		ref, _ := setting["secretReferenceValueId"].(string)
		if ref != "" && (live == nil || !strings.Contains(string(live.Raw), string(quote(ref)))) {
			return invalid("SecretReferenceValueId is not valid for this object")
		}
	}
	return nil
}

// scripts are the properties that hold them.
var scripts = map[graph.PolicyType]string{
	"deviceManagementScript": "scriptContent", "deviceShellScript": "scriptContent", "macCustomAttributeScript": "scriptContent",
	"deviceHealthScript": "detectionScriptContent", "deviceComplianceScript": "detectionScriptContent",
}

// complete refuses what lacks something that Graph insists on.
func (w *writing) complete(object map[string]any, live *graph.Policy) error {
	if key, ok := scripts[w.info.Key]; ok {
		content, given := object[key]
		if text, _ := content.(string); text == "" && (given || live == nil) {
			return invalid(fmt.Sprintf("property %q must not be null or empty", key))
		}
	}
	if w.info.Key == "deviceCompliancePolicy" {
		rules, given := object["scheduledActionsForRule"]
		if (given || live == nil) && !blocks(rules) {
			return invalid(`property "scheduledActionsForRule" takes exactly one rule, with a block action`)
		}
	}
	return nil
}

// blocks tells whether there is exactly one rule and whether it has a block action.
func blocks(v any) bool {
	rules, _ := v.([]any)
	if len(rules) != 1 {
		return false
	}
	rule, _ := rules[0].(map[string]any)
	actions, _ := rule["scheduledActionConfigurations"].([]any)
	return slices.ContainsFunc(actions, func(a any) bool {
		action, _ := a.(map[string]any)
		return action["actionType"] == "block"
	})
}
