package msgraph

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// omaSettings is the property whose values Graph masks. With the values that it has shown when
// asked, it becomes a part, which wins over the property; the object stays as it was received.
const omaSettings = "omaSettings"

// secret is an encrypted OMA setting.
type secret struct {
	of    *graph.Policy
	at    int    // among the settings
	ref   string // what Graph knows the value by
	coded bool   // the value stands in base64
	plain *string
	err   error // of asking for it, where another time may bring it
}

// secrets asks for the values of encrypted OMA settings. The app needs a permission for it
// that mere backups have no other use for, so a refusal is normal: it is met once, remembered
// for a while, and leaves a warning on the policies.
func (g *group) secrets(ctx context.Context, items []*item) error {
	if !g.info.Read.Masked {
		return nil
	}
	of, all := map[*item][]*secret{}, []*secret(nil)
	for _, it := range items {
		if it.err == nil {
			of[it] = secretsOf(&it.policy)
			all = append(all, of[it]...)
		}
	}
	if len(all) == 0 {
		return nil
	}
	if err := g.show(ctx, all); err != nil {
		return err
	}
	for it, secrets := range of {
		for _, s := range secrets {
			it.err = cmp.Or(it.err, s.err)
		}
		unmask(&it.policy, secrets)
	}
	return nil
}

// secretsOf returns the encrypted settings of a policy.
func secretsOf(p *graph.Policy) []*secret {
	settings, _ := fields(p.Raw)
	var out []*secret
	for i, raw := range elements(settings[omaSettings]) {
		setting, _ := fields(raw)
		if string(setting["isEncrypted"]) != "true" {
			continue
		}
		kind := strings.TrimPrefix(text(setting["@odata.type"]), "#microsoft.graph.")
		s := &secret{of: p, at: i, ref: text(setting["secretReferenceValueId"]), coded: kind == "omaSettingStringXml" || kind == "omaSettingBase64"}
		if !s.coded && kind != "omaSettingString" {
			s.ref = "" // its value is no text
		}
		out = append(out, s)
	}
	return out
}

// show fills in the values of secrets as far as Graph tells them.
func (g *group) show(ctx context.Context, all []*secret) error {
	if g.c.cfg.MaskSecrets {
		return nil
	}
	m := g.c.memory(g.tenant)
	allowed := func() (shown, denied bool) {
		m.lock()
		defer m.mu.Unlock()
		return m.shown, m.denied[omaSettings]
	}
	shown, denied := allowed()
	if !shown && !denied { // one finds out for all
		done, err := m.look(ctx)
		if err != nil {
			return err
		}
		defer done()
		shown, denied = allowed()
	}
	asked := slices.DeleteFunc(slices.Clone(all), func(s *secret) bool { return s.ref == "" })
	for !denied && len(asked) > 0 {
		n := len(asked)
		if !shown {
			n = 1
		}
		var requests []request
		for _, s := range asked[:n] {
			path := g.info.Path + "/" + escape(s.of.ID) + "/getOmaSettingPlainTextValue(secretReferenceValueId='" + escape(strings.ReplaceAll(s.ref, "'", "''")) + "')"
			requests = append(requests, request{g.call(path, ""), func(body []byte, err error) {
				answer, ok := fields(body)
				switch value := answer["value"]; {
				case graph.KindOf(err) == graph.KindForbidden:
					denied = true
				case graph.KindOf(err).Retryable():
					s.err = err
				case err == nil && ok && len(value) > 0 && value[0] == '"':
					plain := text(value)
					s.plain, shown = &plain, true
				}
			}})
		}
		if err := g.send(ctx, requests); err != nil {
			return err
		}
		asked = asked[n:]
	}
	m.lock()
	m.shown, m.denied[omaSettings] = shown && !denied, denied
	m.mu.Unlock()
	return nil
}

// unmask puts the values of secrets into a policy, as far as Graph has shown them, and leaves a
// warning where it has not.
func unmask(p *graph.Policy, all []*secret) {
	if slices.ContainsFunc(all, func(s *secret) bool { return s.plain == nil }) {
		p.Warnings = append(p.Warnings, graph.WarningSecretsMasked)
	}
	settings, _ := fields(p.Raw)
	rows := elements(settings[omaSettings])
	changed := false
	for _, s := range all {
		if s.plain == nil {
			continue
		}
		value := *s.plain
		if s.coded {
			value = base64.StdEncoding.EncodeToString([]byte(value))
		}
		quoted, _ := json.Marshal(value) // a string always can
		rows[s.at], changed = withMember(rows[s.at], "value", quoted), true
	}
	if changed {
		p.Parts = append(p.Parts, graph.Part{Name: omaSettings, Raw: array(rows)})
	}
}
