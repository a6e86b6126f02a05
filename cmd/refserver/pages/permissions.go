package pages

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// signInPatience is how long the page waits for a token, which may take a sign-in.
const signInPatience = 10 * time.Second

type permissionsData struct {
	Problem, Do string // why there is no token, and what to do; else empty
	Granted     []string
	Rows        []permissionRow
	Unreadable  int      // types that a backup cannot read
	Lookups     []string // names of the rows' types that are read for names only
	Missing     []missingRow
	Refused     *refusedRun // the run that somebody comes from; nil without one
}

// Captured is how many of the rows are types that are backed up.
func (d permissionsData) Captured() int { return len(d.Rows) - len(d.Lookups) }

type permissionRow struct {
	Name     string
	Access   graph.Access
	Restores bool     // the type can be restored at all
	Lookup   bool     // is read for names only
	Backup   []string // what is missing for it, one demand each
	Secrets  []string
	Restore  []string
}

// missingRow is a permission that is missing, and how many types want it.
type missingRow struct {
	Permission string
	For        string
	Types      int
}

// showPermissions holds what the app was granted in the tenant against what types need. What is
// wrong with the sign-in is what a person came to find out, so it is an answer and no failure.
func showPermissions(v *visit) (answer, error) {
	pg := page{template: "permissions", title: "Permissions of the app", section: "settings"}
	var refused *refusedRun
	if id := v.query.Get("run"); id != "" {
		var err error
		if refused, err = v.refusedIn(runs.ID(id)); err != nil {
			return nil, err
		}
	}
	bounded, stop := context.WithTimeout(v.ctx(), signInPatience)
	defer stop()
	granted, err := v.cfg.Permissions.Permissions(bounded, v.tenant)
	if err != nil && v.ctx().Err() != nil {
		return nil, v.ctx().Err()
	}
	if err != nil {
		if bounded.Err() != nil {
			err = &graph.Error{Op: "permissions", Kind: graph.KindTimeout, Err: err}
		}
		v.cfg.Logger.WarnContext(v.ctx(), "the permissions of the app could not be read", "tenant", string(v.tenant), "error", err)
		problem, do := signInWords(graph.KindOf(err))
		pg.data, pg.status = permissionsData{Problem: problem, Do: do, Refused: refused}, http.StatusBadGateway
		return pg, nil
	}
	list, err := graph.Preflight(v.cfg.Catalogue, granted, nil)
	if err != nil {
		return nil, err
	}
	if refused != nil {
		refused.hold(list)
	}
	data := permissionsData{Refused: refused, Granted: slices.Compact(slices.Sorted(slices.Values(granted)))}
	wanted := map[[2]string]int{}
	for _, a := range list {
		row := permissionRow{
			Name: v.typeName(a.Info.Key), Access: a, Restores: a.Info.Support == graph.Restorable, Lookup: !a.Info.Capturable(),
			Backup: demands(a.Missing.Read), Secrets: demands(a.Missing.Secrets), Restore: demands(a.Missing.Write),
		}
		if !a.Reads() {
			data.Unreadable++
		}
		if row.Lookup {
			data.Lookups = append(data.Lookups, row.Name)
		}
		for _, d := range row.Backup {
			wanted[[2]string{d, "backup"}]++
		}
		for _, d := range row.Restore {
			wanted[[2]string{d, "restore"}]++
		}
		data.Rows = append(data.Rows, row)
	}
	slices.Sort(data.Lookups)
	for k, n := range wanted {
		data.Missing = append(data.Missing, missingRow{k[0], k[1], n})
	}
	slices.SortFunc(data.Missing, func(a, b missingRow) int { return strings.Compare(a.For+a.Permission, b.For+b.Permission) })
	slices.SortStableFunc(data.Rows, func(a, b permissionRow) int {
		if a.Access.Reads() != b.Access.Reads() {
			if a.Access.Reads() {
				return 1
			}
			return -1
		}
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	pg.data = data
	return pg, nil
}

// demands are what is missing, in words: one of several is enough.
func demands(missing []graph.Permission) []string {
	var list []string
	for _, anyOf := range missing {
		list = append(list, strings.Join(anyOf, " or "))
	}
	return list
}

// signInWords say why there is no token to read, and what to do.
func signInWords(kind graph.Kind) (problem, do string) {
	switch {
	case kind.Retryable():
		return "The sign-in to Microsoft Graph did not work this time.", "Try again in a minute. If it lasts, look at the Microsoft 365 service health and at this server's network."
	case kind == graph.KindUnauthorized:
		return "The app cannot sign in to this tenant.", "Renew the app's secret or certificate, or give the app the tenant's admin consent, in Entra. The server's log has Microsoft's own words."
	case kind == graph.KindUnsupported:
		return "The app's token does not tell its permissions.", "Look at the app's permissions in Entra."
	}
	return "The permissions of the app could not be found out.", "The server's log has the cause."
}
