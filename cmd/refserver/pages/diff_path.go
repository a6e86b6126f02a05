package pages

import (
	"strings"
	"unicode"
)

// pathPart is a step of a path: a property in words, or what names an element of a list.
type pathPart struct {
	Text string
	Name bool
}

// silent are keys of Graph that every value of their kind has, and that say nothing to people.
var silent = map[string]bool{
	"settingInstance": true, "choiceSettingValue": true, "simpleSettingValue": true, "groupSettingCollectionValue": true,
	"choiceSettingCollectionValue": true, "simpleSettingCollectionValue": true,
}

// named are keys whose words are not those of their letters.
var named = map[string]string{
	"@odata.type": "Type", "odata.type": "Type", "roleScopeTagIds": "Scope tags", "omaSettings": "OMA settings", "omaUri": "OMA-URI",
	"deviceAndAppManagementAssignmentFilterId": "Filter", "deviceAndAppManagementAssignmentFilterType": "Filter mode",
}

// targets are the kinds of assignment targets; an id follows those that end in a space.
var targets = []struct{ prefix, words string }{
	{"allDevicesAssignmentTarget", "All devices"}, {"allLicensedUsersAssignmentTarget", "All users"},
	{"exclusionGroupAssignmentTarget:", "Excluded group "}, {"groupAssignmentTarget:", "Group "},
	{"configurationManagerCollectionAssignmentTarget:", "Collection "},
}

// pathWords reads the path of a [backupset.Change].
func pathWords(path string) []pathPart {
	var parts []pathPart
	above := ""
	for path != "" {
		end := strings.IndexAny(path, "/[")
		if end < 0 {
			end = len(path)
		}
		key := keyEscapes.Replace(path[:end])
		path = path[end:]
		if !silent[key] && (key != "target" || above != "assignments") || path == "" && len(parts) == 0 {
			parts = append(parts, pathPart{Text: visible(keyWords(key))})
		}
		for strings.HasPrefix(path, "[") {
			name, rest, _ := strings.Cut(path[1:], "]")
			parts = append(parts, elementWords(key, nameEscapes.Replace(name)))
			path = rest
		}
		above, path = key, strings.TrimPrefix(path, "/")
	}
	return parts
}

var (
	keyEscapes  = strings.NewReplacer("~0", "~", "~1", "/", "~2", "[", "~4", "")
	nameEscapes = strings.NewReplacer("~0", "~", "~3", "]")
)

// elementWords names an element of the list under a key.
func elementWords(key, name string) pathPart {
	if name == "" {
		return pathPart{Text: "Order"}
	}
	if key == "assignments" {
		for _, t := range targets {
			if rest, ok := strings.CutPrefix(name, t.prefix); ok {
				return pathPart{Text: visible(t.words + rest), Name: true}
			}
		}
	}
	// A reference such as .../groupPolicyDefinitions('id') is known by its id.
	if open := strings.LastIndex(name, "('"); open >= 0 && strings.HasSuffix(name, "')") {
		name = name[open+2 : len(name)-2]
	}
	return pathPart{Text: visible(name), Name: true}
}

// keyWords makes words of a key in camel case: "excludeGroups" is "Exclude groups".
func keyWords(key string) string {
	if words, ok := named[key]; ok {
		return words
	}
	if key == "" {
		return "(no name)"
	}
	if strings.ContainsFunc(key, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		return key // not a property of Graph's, or a definition's id
	}
	runes := []rune(key)
	var words []string
	begin := 0
	for i := 1; i <= len(runes); i++ {
		if i < len(runes) && !(unicode.IsUpper(runes[i]) && (unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) ||
			i+1 < len(runes) && unicode.IsUpper(runes[i-1]) && unicode.IsLower(runes[i+1]))) {
			continue
		}
		words = append(words, wordOf(string(runes[begin:i])))
		begin = i
	}
	text := []rune(strings.Join(words, " "))
	text[0] = unicode.ToUpper(text[0])
	return string(text)
}

// wordOf lowers a word, but not one that is an abbreviation.
func wordOf(w string) string {
	switch lower := strings.ToLower(w); lower {
	case "id", "uri", "url", "vpn", "dns", "ip", "usb", "pin", "mfa", "os", "oma", "ssid", "tls":
		return strings.ToUpper(w)
	case "ids", "uris", "urls":
		return strings.ToUpper(lower[:len(lower)-1]) + "s"
	default:
		if len(w) > 1 && strings.ToUpper(w) == w {
			return w
		}
		return lower
	}
}
