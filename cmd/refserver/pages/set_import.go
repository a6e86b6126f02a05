package pages

import (
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/slowly"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
)

// maxSetName is that of a request for a run; looked at before a large file is taken in.
const maxSetName = 200

// formAround is how much of an import may be beside its file, in bytes: the name, and what
// separates the parts.
const formAround = 64 << 10

type importData struct {
	Run   runs.ID // of the import
	Name  string
	Limit int64 // bytes
}

func importForm(v *visit) (answer, error) { return v.importPage("", 0, nil), nil }

func (v *visit) importPage(name string, status int, bad []runs.FieldError) page {
	data := importData{Run: v.cfg.Starter.Guard().NewID(), Name: name, Limit: v.cfg.MaxImport}
	return page{template: "set_import", title: "Import a backup set", section: "sets", data: data, errors: bad, status: status}
}

// importSet takes a file in as it comes, without keeping it in memory, and starts its import.
func importSet(v *visit) (answer, error) {
	name, run, upload, err := v.receive()
	var invalid *runs.InvalidError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return v.importPage(name, http.StatusRequestEntityTooLarge, []runs.FieldError{
			{Field: "file", Code: "file_too_large", Message: "is larger than " + byteWords(v.cfg.MaxImport)},
		}), nil
	case errors.As(err, &invalid):
		return v.importPage(name, 0, invalid.Fields), nil
	case err != nil:
		return nil, err
	}
	req := transfer.ImportRequest(upload, name)
	req.ID = run
	a, err := v.start(req)
	if errors.As(err, &invalid) {
		return v.importPage(name, 0, invalid.Fields), nil
	}
	return a, err
}

// receive reads the form: the id of the run, a name, then a file, in this order, as a browser sends them.
func (v *visit) receive() (name string, run runs.ID, upload transfer.Upload, err error) {
	defer slowly.Patient(v.w)() // the answer comes after the file
	body := slowly.NewReader(v.w, v.req, v.cfg.MaxImport+formAround)
	v.req.Body = io.NopCloser(body)
	parts, err := v.req.MultipartReader()
	if err != nil {
		return "", "", upload, runs.Invalid("file", "file_required", "choose a file")
	}
	for {
		part, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return name, run, upload, runs.Invalid("file", "file_required", "choose a file")
		case err != nil:
			return name, run, upload, causeOf(body, err)
		}
		switch part.FormName() {
		case "run":
			kept, err := io.ReadAll(io.LimitReader(part, 64))
			if err != nil {
				return name, run, upload, causeOf(body, err)
			}
			run = runID(string(kept))
		case "name":
			if name, err = readName(part); err != nil {
				return name, run, upload, causeOf(body, err)
			}
		case "file":
			if part.FileName() == "" {
				return name, run, upload, runs.Invalid("file", "file_required", "choose a file")
			}
			upload, err = v.cfg.Uploader.Receive(v.ctx(), v.tenant, v.actor, part)
			return name, run, upload, causeOf(body, err)
		}
	}
}

// readName reads the name of the set to be, empty when it is refused.
func readName(part *multipart.Part) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(part, utf8.UTFMax*maxSetName+1))
	name := strings.ToValidUTF8(string(raw), "�")
	if err != nil {
		return "", err
	}
	var bad runs.InvalidError
	if checkName(&bad, name); name != string(raw) && bad.Err() == nil {
		bad.Add("name", "name_invalid", "must be one line of text")
	}
	if bad.Err() != nil {
		name = ""
	}
	return name, bad.Err()
}

// checkName looks at the name of a set before anything is done, so that it is said together with
// what else is wrong.
func checkName(bad *runs.InvalidError, name string) {
	switch {
	case utf8.RuneCountInString(name) > maxSetName:
		bad.Add("name", "name_length", fmt.Sprintf("must have at most %d characters", maxSetName))
	case strings.ContainsFunc(name, unicode.IsControl):
		bad.Add("name", "name_invalid", "must be one line of text")
	}
}

// causeOf tells a body that was too large or broke off from what the form or the store says. The
// text of a multipart reader's own error may repeat what was sent.
func causeOf(body *slowly.Reader, err error) error {
	var large *http.MaxBytesError
	var invalid *runs.InvalidError
	switch {
	case err == nil, errors.As(err, &large), errors.As(err, &invalid), errors.Is(err, runs.ErrConflict), errors.Is(err, runs.ErrUnavailable),
		errors.Is(err, runs.ErrForbidden):
		return err
	case errors.As(body.Failed(), &large):
		return body.Failed()
	case body.Failed() != nil, errors.Is(err, io.ErrUnexpectedEOF):
		return badRequest("The file ended before it was complete. Send it again.")
	case strings.HasPrefix(err.Error(), "multipart:"), strings.HasPrefix(err.Error(), "mime:"), strings.HasPrefix(err.Error(), "malformed MIME"):
		return badRequest("The form is not well-formed.")
	}
	return err
}
