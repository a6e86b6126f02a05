package transfer

import (
	"encoding/json"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
)

// The archive of a backup set is a zip. manifest.json, its last entry, is a [Manifest]; each
// policy is a [File] in policies/<type>/. An archive for the admin portal has no [File]s but
// bare objects, and is not for importing here.
const (
	// Format names the format, and FormatVersion its version.
	Format        = "tenantbackup.backup-set"
	FormatVersion = 1

	manifestName = "manifest.json"
)

// Manifest says what an archive holds.
type Manifest struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Portal  bool   `json:"portal"` // bare objects for the admin portal

	// SecretsMasked tells that secrets were replaced by "[masked]".
	SecretsMasked bool `json:"secrets_masked"`

	// HashVersion is the [backupset.CanonicalVersion] of the hashes; those of another one are
	// not compared.
	HashVersion int `json:"hash_version"`

	Set   SetInfo `json:"backup_set"`
	Items []Entry `json:"items"`
}

// SetInfo is the set that was exported.
type SetInfo struct {
	ID        runs.ID          `json:"id"`
	TenantID  graph.TenantID   `json:"tenant"` // whose ids the policies have; empty when nobody knows
	Name      string           `json:"name"`
	Status    backupset.Status `json:"status"`
	Revision  int              `json:"revision"`
	CreatedAt time.Time        `json:"created_at"`
	Types     []TypeInfo       `json:"types"`
}

// TypeInfo is the account of one type of the set.
type TypeInfo struct {
	Type      graph.PolicyType `json:"policy_type"`
	Listed    int              `json:"listed"`
	Captured  int              `json:"captured"`
	Failed    int              `json:"failed"`
	Skipped   int              `json:"skipped"`
	Forbidden bool             `json:"forbidden"`
	Complete  bool             `json:"complete"`
}

// Entry is one policy of an archive.
type Entry struct {
	File   string `json:"file"`
	Size   int64  `json:"size"`   // of the file, in bytes
	SHA256 string `json:"sha256"` // of the file, in hexadecimal

	ItemID     runs.ID          `json:"item_id"`
	PolicyType graph.PolicyType `json:"policy_type"`
	PolicyID   string           `json:"policy_id"` // Graph's
	Name       string           `json:"name"`
	Hash       backupset.Hash   `json:"hash"` // of the canonical form, as captured
	CapturedAt time.Time        `json:"captured_at"`
	Masked     bool             `json:"secrets_masked,omitempty"` // the file does not hold the secrets, so its hash is another
}

// File is a captured policy as a file. Raw and the raw parts are the bytes that were
// captured, but for white space and a byte order mark around them, which stand beside them.
type File struct {
	Type       graph.PolicyType  `json:"type"`
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	ODataType  string            `json:"odata_type,omitempty"`
	Raw        json.RawMessage   `json:"raw"`
	Before     string            `json:"before_raw,omitempty"`
	After      string            `json:"after_raw,omitempty"`
	Parts      []FilePart        `json:"parts"`
	References []graph.Reference `json:"references,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
}

// FilePart is one part of a [File].
type FilePart struct {
	Name   string          `json:"name"`
	Raw    json.RawMessage `json:"raw"`
	Before string          `json:"before_raw,omitempty"`
	After  string          `json:"after_raw,omitempty"`
}
