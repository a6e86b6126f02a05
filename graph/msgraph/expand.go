package msgraph

import "strings"

// expansion is a property that a query expands.
type expansion struct {
	name    string
	cast    string // the type that has it, "microsoft.graph.deviceAndAppManagementRoleAssignment"; empty for any
	options string // what the query asks of it in its turn
}

// expands returns what a query expands: "$expand=apps($expand=owners),some.type/tags".
func expands(query string) (out []expansion) {
	_, list, ok := strings.Cut(query, "$expand=")
	if !ok {
		return nil
	}
	depth, from := 0, 0
	for i, c := range list + "&" {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case depth == 0 && (c == ',' || c == '&' || c == ';'):
			var e expansion
			e.name, e.options, _ = strings.Cut(strings.TrimSuffix(list[from:i], ")"), "(")
			if at := strings.LastIndex(e.name, "/"); at >= 0 {
				e.cast, e.name = e.name[:at], e.name[at+1:]
			}
			out = append(out, e)
			if from = i + 1; c != ',' {
				return out
			}
		}
	}
	return out
}

// lacking returns a property that a request expands and that an object of its answer does not
// have, or not in the form of one: an object, an array of objects, or null where there is none.
func lacking(doc []byte, query string) string {
	wanted := expands(query)
	if len(wanted) == 0 {
		return "" // as settings, of which there are many
	}
	object, _ := fields(doc)
	kind := strings.TrimPrefix(text(object["@odata.type"]), "#")
	for _, e := range wanted {
		value, ok := object[e.name]
		switch {
		case !ok && e.cast != "" && kind != "" && kind != e.cast:
			continue // objects of this type have none
		case !ok, value[0] != '[' && value[0] != '{' && string(value) != "null":
			return e.name
		}
		rows := elements(value)
		if value[0] == '{' {
			rows = append(rows, value)
		}
		for _, row := range rows {
			if !isObject(row) {
				return e.name
			}
			if inner := lacking(row, e.options); inner != "" {
				return inner + " in " + e.name
			}
		}
	}
	return ""
}

// isObject tells whether a value is an object.
func isObject(value []byte) bool {
	at := skipSpace(value, 0)
	return at < len(value) && value[at] == '{'
}
