package restore

import (
	"slices"

	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// secrets blocks what would write asterisks or tokens where a secret belongs. A secret that
// is the live one too may be written back: Graph knows it by its reference.
func (d *desired) secrets(w wish) {
	masked := backupset.MaskedSecrets(w.captured.canon)
	if len(masked) == 0 && !slices.Contains(w.warnings, codeSecretsMasked) && !slices.Contains(w.captured.policy.Warnings, codeSecretsMasked) {
		return
	}
	d.warn(codeSecretsMasked, "%s", "the backup does not hold the secrets of this policy")
	if len(masked) > 0 && w.live != nil {
		now := backupset.MaskedSecrets(w.live.canon)
		same := true
		for path, secret := range masked {
			same = same && now[path] == secret
		}
		if same {
			return
		}
	}
	d.block(runs.ReasonSecretsMasked)
}

// reencrypted returns OMA settings as they are written. One whose encrypted value was shown
// to the capture is given in plain text, and Graph encrypts it again: it refuses the reference
// to the old secret.
func reencrypted(settings []byte) []byte {
	return eachOf(nil, settings, func(dst, e []byte) []byte {
		if string(backupset.Lookup(e, "isEncrypted")) != "true" || len(backupset.MaskedSecrets(e)) > 0 {
			return append(dst, e...)
		}
		o := newObject(dst)
		for name, value := range backupset.Members(e) {
			switch string(name) {
			case "isEncrypted":
				value = []byte("false")
			case "secretReferenceValueId":
				value = []byte("null")
			}
			o.put(name, value)
		}
		return o.done()
	})
}
