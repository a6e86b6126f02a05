package backupset_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"

	"github.com/tenantatlas/tenantbackup/graph"
	"pgregory.net/rapid"
)

// testCatalogue has a type with volatile properties of its own, one that keeps what is
// volatile otherwise, and the built-in ones.
func testCatalogue() *graph.Catalogue {
	c, err := graph.Catalog.With(
		graph.TypeInfo{Key: "custom", Path: "/custom", Version: "beta", Support: graph.Restorable,
			Volatile: []string{"weather", "!version", "!createdDateTime", "!payloads"}},
	)
	if err != nil {
		panic(err) // a mistake in this file
	}
	return c
}

var genType = rapid.SampledFrom([]graph.PolicyType{
	"settingsCatalogPolicy", "custom", "termsAndConditions", "conditionalAccessPolicy", "notInTheCatalogue", "policySet",
})

// genText favours the characters that JSON spells in several ways.
var genText = rapid.StringOfN(rapid.OneOf(
	rapid.SampledFrom([]rune("abcXYZ019 /\"\\\b\f\n\r\t\x00\x1f\x7f<>&é€\u2028\uFEFF\uFFFD😀𝄞")),
	rapid.RuneFrom([]rune{'a'}),
), 0, 12, -1)

var genNumber = rapid.Custom(func(t *rapid.T) json.Number {
	return rapid.OneOf(
		rapid.Map(rapid.Int64(), func(i int64) json.Number { return json.Number(fmt.Sprint(i)) }),
		rapid.Map(rapid.SampledFrom([]string{"0", "-0", "1", "1.0", "1e2", "1E+2", "0.10", "9007199254740993",
			"18446744073709551617", "-1.5e-300", "3.141592653589793238462643383279"}), func(s string) json.Number { return json.Number(s) }),
	).Draw(t, "number")
})

var genScalar = rapid.Custom(func(t *rapid.T) any {
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return genNumber.Draw(t, "n")
	default:
		return genText.Draw(t, "text")
	}
})

// genKey favours the keys that have a meaning somewhere.
var genKey = rapid.OneOf(
	rapid.SampledFrom(strings.Fields(`id version name displayName description value settings assignments target
		groupId settingInstance settingDefinitionId definitionId children omaSettings omaUri conditions users
		includeUsers excludeGroups roleScopeTagIds roleScopeTags scheduledActionsForRule scheduledActionConfigurations
		actionType gracePeriodHours localizedNotificationMessages locale definitionValues definition presentationValues
		apps mobileAppIdentifier bundleId items payloadId status errorCode roleAssignments combinationConfigurations sourceId createdDateTime lastModifiedDateTime isAssigned
		@odata.type x@odata.type definition@odata.bind @odata.etag a@microsoft.graph.tips #microsoft.graph.assign
		payloads weather lastSyncDateTime lastSync qrCodeImage password`)),
	genText,
)

func genValue(depth int) *rapid.Generator[any] {
	return rapid.Custom(func(t *rapid.T) any {
		if depth == 0 {
			return genScalar.Draw(t, "scalar")
		}
		switch rapid.IntRange(0, 5).Draw(t, "shape") {
		case 0, 1:
			return genObject(depth-1).Draw(t, "object")
		case 2:
			return anySlice(rapid.SliceOfN(genValue(depth-1), 0, 4).Draw(t, "array"))
		default:
			return genScalar.Draw(t, "scalar")
		}
	})
}

func genObject(depth int) *rapid.Generator[map[string]any] {
	return rapid.MapOfN(genKey, genValue(depth), 0, 5)
}

func anySlice[T any](in []T) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = v
	}
	return out
}

// genPolicyDocument makes the document of a policy: anything, with what the rules are
// about in the places where it belongs.
var genPolicyDocument = rapid.Custom(func(t *rapid.T) map[string]any {
	doc := genObject(3).Draw(t, "document")
	ids := rapid.SampledFrom([]string{"g1", "g2", "g3", ""})
	add := func(name string, element func() any) {
		if rapid.Bool().Draw(t, name) {
			var list []any
			for range rapid.IntRange(0, 4).Draw(t, "n") {
				list = append(list, element())
			}
			doc[name] = anySlice(list)
		}
	}
	add("assignments", func() any {
		return map[string]any{"id": genText.Draw(t, "id"), "source": "direct", "sourceId": "x", "target": map[string]any{
			"@odata.type": rapid.SampledFrom([]string{"#microsoft.graph.groupAssignmentTarget", "#microsoft.graph.exclusionGroupAssignmentTarget"}).Draw(t, "target"),
			"groupId":     ids.Draw(t, "group"),
			"deviceAndAppManagementAssignmentFilterType": "none",
		}}
	})
	add("settings", func() any {
		return map[string]any{"id": "0", "settingInstance": map[string]any{
			"settingDefinitionId": ids.Draw(t, "definition"), "choiceSettingValue": genValue(1).Draw(t, "choice"),
			"children": []any{genObject(1).Draw(t, "child")},
		}}
	})
	add("roleScopeTagIds", func() any { return ids.Draw(t, "tag") })
	add("scheduledActionsForRule", func() any {
		return map[string]any{"id": "r", "scheduledActionConfigurations": []any{
			map[string]any{"id": "1", "actionType": ids.Draw(t, "a"), "gracePeriodHours": genNumber.Draw(t, "h")},
			map[string]any{"id": "2", "actionType": ids.Draw(t, "a"), "gracePeriodHours": genNumber.Draw(t, "h")},
		}}
	})
	add("omaSettings", func() any {
		return map[string]any{"omaUri": ids.Draw(t, "uri"), "value": genScalar.Draw(t, "value")}
	})
	if rapid.Bool().Draw(t, "conditions") {
		doc["conditions"] = map[string]any{"users": map[string]any{
			"includeUsers": anySlice(rapid.SliceOfN(ids, 0, 4).Draw(t, "users")), "order": []any{"b", "a"}}}
	}
	return doc
})

// render writes a document as Graph might on another day: keys in any order, any white
// space, any spelling of strings; with noise, also with annotations, actions, read-outs
// and the elements of sets in any order. path is as in [referencePlace].
func render(t *rapid.T, b *strings.Builder, path string, v any, noise bool) {
	space := func() {
		b.WriteString(rapid.SampledFrom([]string{"", "", " ", "\n  ", "\t\r\n", "                  "}).Draw(t, "space"))
	}
	space()
	switch v := v.(type) {
	case map[string]any:
		keys := sortedKeys(v)
		extra := map[string]string{}
		if noise {
			extra = renderNoise(t, path, v)
		}
		keys = rapid.Permutation(append(keys, sortedKeys(extra)...)).Draw(t, "keys")
		b.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				b.WriteByte(',')
			}
			space()
			renderText(t, b, key)
			space()
			b.WriteByte(':')
			if raw, ok := extra[key]; ok {
				b.WriteString(raw)
			} else {
				render(t, b, path+"\x00"+key, v[key], noise)
			}
			space()
		}
		b.WriteByte('}')
	case []any:
		if _, set := referenceIsSet(path + "[]"); set && noise && len(v) > 0 {
			v = rapid.Permutation(v).Draw(t, "set")
		}
		b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			render(t, b, path+"[]", e, noise)
		}
		space()
		b.WriteByte(']')
	case string:
		renderText(t, b, v)
	case nil:
		b.WriteString("null")
	default:
		fmt.Fprint(b, v)
	}
	space()
}

// renderNoise draws members that have no meaning in an object at the path.
func renderNoise(t *rapid.T, path string, v map[string]any) map[string]string {
	candidates := map[string]string{
		"settings@odata.context": `"https://example.test"`, "x@odata.type": `"#String"`, "@odata.id": `"it"`,
		"#microsoft.graph.assign": `{"title":"a","target":"b"}`, "@microsoft.graph.tips": `"use $select"`,
	}
	if path == referenceRoot {
		for key, raw := range map[string]string{"id": `"other"`, "isAssigned": "true", "settingCount": "7", "lastSyncDateTime": `"now"`} {
			candidates[key] = raw
		}
	}
	for _, key := range referenceElement[referencePlace(path)] {
		candidates[key] = `"` + rapid.SampledFrom([]string{"0", "1", "z"}).Draw(t, "id") + `"`
	}
	out := map[string]string{}
	for _, key := range sortedKeys(candidates) {
		if _, taken := v[key]; !taken && rapid.Bool().Draw(t, "noise") {
			out[key] = candidates[key]
		}
	}
	return out
}

func renderText(t *rapid.T, b *strings.Builder, s string) {
	style := rapid.IntRange(0, 2).Draw(t, "style")
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case style == 1 || style == 2 && r == '/':
			if style == 2 {
				b.WriteString(`\/`)
				continue
			}
			for _, u := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(b, rapid.SampledFrom([]string{`\u%04x`, `\u%04X`}).Draw(t, "case"), u)
			}
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20:
			quoted := referenceString(string(r))
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
}

func rendered(t *rapid.T, doc any, noise bool) []byte {
	var b strings.Builder
	render(t, &b, referenceRoot, doc, noise)
	return []byte(b.String())
}

// renderedPart renders what stands under a key of the document.
func renderedPart(t *rapid.T, key string, v any, noise bool) []byte {
	var b strings.Builder
	render(t, &b, referenceRoot+"\x00"+key, v, noise)
	return []byte(b.String())
}
