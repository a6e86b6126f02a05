package backupset_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/internal/testenv"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// syntheticPolicies have the shape and the noise of exported settings catalog policies,
// 20 KB on average.
func syntheticPolicies() []*graph.Policy {
	var out []*graph.Policy
	for n := range 50 {
		var b strings.Builder
		fmt.Fprintf(&b, `{"@odata.context":"https://graph.example.test/beta/$metadata#x","id":"%032d","name":"Policy %d","description":"Größe %d","roleScopeTagIds@odata.type":"#Collection(String)","roleScopeTagIds":["0"],`, n, n, n)
		b.WriteString("\n  \"settings\": [")
		for i := range 5 + n {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, `
    {
      "@odata.type": "#microsoft.graph.deviceManagementConfigurationSetting",
      "@odata.id": "deviceManagement/configurationPolicies('%032d')/settings('%d')",
      "id": "%d",
      "settingInstance": {
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
        "settingDefinitionId": "device_vendor_msft_policy_config_area_%d_setting",
        "settingInstanceTemplateReference": null,
        "choiceSettingValue": {
          "settingValueTemplateReference": null,
          "value": "device_vendor_msft_policy_config_area_%d_setting_1",
          "children": []
        }
      },
      "settingDefinitions@odata.navigationLink": "https://graph.example.test/beta/deviceManagement/configurationPolicies('%032d')/settings('%d')"
    }`, n, i, i, (i*7919)%1000, i, n, i)
		}
		b.WriteString("]}")
		out = append(out, policy("settingsCatalogPolicy", b.String()))
	}
	return out
}

// benchmarkPolicies are the real exports where there are any, synthetic ones otherwise.
func benchmarkPolicies(b *testing.B) (policies []*graph.Policy, bytes int64) {
	if os.Getenv(testenv.DataVar) != "" {
		policies = realExports(b)
	} else {
		policies = syntheticPolicies()
	}
	for _, p := range policies {
		bytes += int64(len(p.Raw))
	}
	return policies, bytes
}

func BenchmarkHash(b *testing.B) {
	policies, size := benchmarkPolicies(b)
	z := backupset.NewCanonicalizer(graph.Catalog)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range policies {
			if _, err := z.Hash(p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkHashByEncodingJSON is the baseline: decode, sort keys, encode, hash. It does
// not even drop or sort anything else.
func BenchmarkHashByEncodingJSON(b *testing.B) {
	policies, size := benchmarkPolicies(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range policies {
			d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(p.Raw, []byte("\uFEFF"))))
			d.UseNumber()
			var v any
			if err := d.Decode(&v); err != nil {
				b.Fatal(err)
			}
			out, err := json.Marshal(v)
			if err != nil {
				b.Fatal(err)
			}
			_ = sha256.Sum256(out)
		}
	}
}

// BenchmarkDiffOf500Settings compares two policies of 500 settings, half of them changed.
func BenchmarkDiffOf500Settings(b *testing.B) {
	before, after := settingsOf(500, 0), settingsOf(500, 2)
	z := backupset.NewCanonicalizer(graph.Catalog)
	b.SetBytes(int64(len(before.Raw) + len(after.Raw)))
	b.ReportAllocs()
	for b.Loop() {
		changes, err := z.Diff(before, after)
		if err != nil || len(changes) != 250 {
			b.Fatalf("%d changes, %v", len(changes), err)
		}
	}
}

// BenchmarkDiffOf500SettingsInCanonicalForm is the same without reading the bytes, as it is
// when one state is compared with several.
func BenchmarkDiffOf500SettingsInCanonicalForm(b *testing.B) {
	z := backupset.NewCanonicalizer(graph.Catalog)
	before, after := canonical(b, z, settingsOf(500, 0)), canonical(b, z, settingsOf(500, 2))
	b.ReportAllocs()
	for b.Loop() {
		if changes := backupset.DiffCanonical(before, after); len(changes) != 250 {
			b.Fatalf("%d changes", len(changes))
		}
	}
}

// settingsOf makes a settings catalog policy in which every step-th setting is on.
func settingsOf(n, step int) *graph.Policy {
	var b strings.Builder
	b.WriteString(`{"settings":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		on := step > 0 && i%step == 0
		fmt.Fprintf(&b, `{"settingInstance":{"settingDefinitionId":"s%d","choiceSettingValue":{"value":"s%d_%t","children":[]}}}`, (i*7)%n, (i*7)%n, on)
	}
	b.WriteString("]}")
	return policy("settingsCatalogPolicy", b.String())
}

func BenchmarkEncode(b *testing.B) {
	policies, size := benchmarkPolicies(b)
	b.SetBytes(size)
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		for _, p := range policies {
			var err error
			if buf, err = backupset.AppendEncode(buf[:0], p); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	policies, size := benchmarkPolicies(b)
	var stored [][]byte
	for _, p := range policies {
		data, err := backupset.Encode(p)
		if err != nil {
			b.Fatal(err)
		}
		stored = append(stored, data)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range stored {
			if _, err := backupset.Decode(data); err != nil {
				b.Fatal(err)
			}
		}
	}
}
