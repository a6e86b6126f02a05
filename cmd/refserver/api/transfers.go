package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/slowly"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

const zipType = "application/zip"

type exportQuery struct {
	Secrets flagParam `query:"secrets" doc:"true: with the values of secrets, which only an owner may have; otherwise they read [masked]"`
	Portal  flagParam `query:"portal" doc:"true: each policy as the admin portal imports it, which cannot be imported here again as it was captured"`
}

type importQuery struct {
	Name string `query:"name" doc:"Of the new set, at most 200 characters. Defaults to the time of the import"`
}

// transfers registers what takes sets out as files and brings files in as sets.
func (a *API) transfers() {
	addFile(a, route{
		id: "export-backup-set", method: http.MethodGet, path: "backup-sets/{id}/export", summary: "A backup set as a zip of JSON",
		notes:  "A transfer that breaks off leaves a file that is no zip. Each export is an entry of the audit log.",
		action: runs.ActionSetExport, target: "backup_set",
	}, zipType, a.export)
	add(a, route{
		id: "import-backup-set", method: http.MethodPost, path: "backup-sets/import", summary: "A file as a new backup set", raw: zipType,
		status: http.StatusAccepted, also: http.StatusOK,
		notes: startNotes + " The body is the file itself: a zip that was exported here, or one of a folder that IntuneManagement exported. " +
			"It is looked into by the run.",
		action: runs.StartAction(runs.KindSetImport), target: "backup_sets",
	}, a.importSet)
}

func (a *API) export(ctx context.Context, c *call, q *exportQuery) (*file, error) {
	var bad runs.InvalidError
	options := transfer.ExportOptions{
		Secrets: given(q.Secrets.value(&bad, "secrets"), false), Portal: given(q.Portal.value(&bad, "portal"), false),
	}
	if err := bad.Err(); err != nil {
		return nil, err
	}
	export, err := a.cfg.Exporter.Open(ctx, c.tenant, c.actor, c.id, options)
	if err != nil {
		return nil, err
	}
	return &file{name: export.FileName(), write: func(ctx context.Context, w io.Writer) error {
		_, err := export.Write(ctx, w)
		return err
	}}, nil
}

// maxSetName is that of a request for a run; looked at before a large file is taken in.
const maxSetName = 200

func (a *API) importSet(ctx context.Context, c *call, q *importQuery, _ *nothing) (Run, error) {
	if utf8.RuneCountInString(q.Name) > maxSetName {
		return Run{}, runs.Invalid("name", "name_length", "must have at most 200 characters")
	}
	upload, err := a.receive(ctx, c)
	if err != nil {
		return Run{}, err
	}
	return a.start(ctx, c, transfer.ImportRequest(upload, q.Name))
}

// receive stores the body of a request.
func (a *API) receive(ctx context.Context, c *call) (transfer.Upload, error) {
	defer slowly.Patient(c.w)()
	body := slowly.NewReader(c.w, c.req, a.cfg.MaxImport)
	upload, err := a.cfg.Uploader.Receive(ctx, c.tenant, c.actor, body)
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
	case errors.As(err, &tooLarge):
		err = newProblem(http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("a file has at most %d bytes", a.cfg.MaxImport))
	case body.Failed() != nil: // broken, or stalled
		err = newProblem(http.StatusBadRequest, "body_unreadable", "the body ended before it was complete")
	}
	return upload, err
}

// disposition makes a browser save an answer under a name.
func disposition(name string) string {
	return mime.FormatMediaType("attachment", map[string]string{"filename": name})
}
