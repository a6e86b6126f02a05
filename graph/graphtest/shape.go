package graphtest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
)

// prop writes one or more properties of an object. Lists of them describe the shape of a
// type as data.
type prop func(*gen)

func (g *gen) write(props ...prop) {
	for _, p := range props {
		p(g)
	}
}

// flags are booleans.
func flags(keys ...string) prop {
	return func(g *gen) {
		for _, k := range keys {
			g.bool(k, g.chance(2))
		}
	}
}

// nulls are properties that nobody has set.
func nulls(keys ...string) prop {
	return func(g *gen) {
		for _, k := range keys {
			g.null(k)
		}
	}
}

// number is an integer from lo to hi.
func number(key string, lo, hi int) prop {
	return func(g *gen) { g.int(key, lo+g.rng.IntN(hi-lo+1)) }
}

// choice is a member of an enumeration.
func choice(key, enum string, values ...string) prop {
	return func(g *gen) { g.enum(key, enum, pick(g.rng, values)) }
}

// text is a string, one of the given.
func text(key string, values ...string) prop {
	return func(g *gen) { g.str(key, pick(g.rng, values)) }
}

// maybe is a string or null.
func maybe(key string, values ...string) prop {
	return func(g *gen) {
		if g.chance(2) {
			g.null(key)
			return
		}
		g.str(key, pick(g.rng, values))
	}
}

// subset is a list of some of the values, in their order.
func subset(key string, values ...string) prop {
	return func(g *gen) {
		var some []string
		for _, v := range values {
			if g.chance(2) {
				some = append(some, v)
			}
		}
		g.strings(key, some...)
	}
}

// someOf is subset, with the first value when there would be none.
func someOf(key string, values ...string) prop {
	return func(g *gen) {
		at := len(g.buf)
		subset(key, values...)(g)
		if bytes.HasSuffix(g.buf[at:], []byte("[]")) {
			g.buf = g.buf[:at]
			g.strings(key, values[0])
		}
	}
}

// nested is an object within the object.
func nested(key, odataType string, props ...prop) prop {
	return func(g *gen) {
		g.obj(key)
		if odataType != "" {
			g.str("@odata.type", "#microsoft.graph."+odataType)
		}
		g.write(props...)
		g.end('}')
	}
}

// script is a script of lo to hi lines, by the object's rank, in base64 of UTF-8 with
// byte order mark and CRLF, as editors on Windows save it.
func script(key string, lo, hi int) prop {
	return func(g *gen) {
		var b strings.Builder
		b.Write(bom)
		for i := range g.between(lo, hi) {
			switch g.rng.IntN(4) {
			case 0:
				fmt.Fprintf(&b, "# %s %s for %s\r\n", pick(g.rng, verbs), pick(g.rng, nouns), pick(g.rng, teams))
			case 1:
				fmt.Fprintf(&b, "$value%d = Get-ItemProperty -Path 'HKLM:\\SOFTWARE\\Contoso\\%s' -Name '%s' -ErrorAction SilentlyContinue\r\n", i, pick(g.rng, nouns), pick(g.rng, nouns))
			case 2:
				fmt.Fprintf(&b, "if ($value%d -ne %d) { Write-Output '%s is not set'; exit 1 }\r\n", i-1, g.rng.IntN(10000), pick(g.rng, nouns))
			default:
				fmt.Fprintf(&b, "Set-ItemProperty -Path 'HKLM:\\SOFTWARE\\Contoso\\%s' -Name '%s' -Value %d -Type DWord\r\n", pick(g.rng, nouns), pick(g.rng, nouns), g.rng.IntN(100000))
			}
		}
		g.str(key, base64.StdEncoding.EncodeToString([]byte(b.String())))
	}
}

// intune is the build of an Intune type whose object holds everything but its
// assignments: what all have, the type's own properties, links and actions.
func intune(odataType string, props ...prop) func(*gen) {
	return func(g *gen) { g.profile(odataType, props...) }
}

// oneOf picks the OData type of a polymorphic one.
func oneOf(builds ...func(*gen)) func(*gen) {
	return func(g *gen) { pick(g.rng, builds)(g) }
}

func (g *gen) profile(odataType string, props ...prop) {
	g.open(odataType)
	g.described()
	g.write(props...)
	g.navigation(partAssignments, "deviceStatuses", "userStatuses")
	g.actions("assign")
	g.end('}')
}

// version is the number that Intune raises with every change.
func version(g *gen) { g.int("version", 1+g.rng.IntN(30)) }

// taggable tells that the object takes scope tags.
func taggable(g *gen) { g.bool("supportsScopeTags", true) }
