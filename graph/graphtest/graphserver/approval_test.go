package graphserver_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/graph/graphtest/graphserver"
)

const (
	justified = "x-msft-approval-justification"
	code      = "x-msft-approval-code"
	requests  = "/beta/deviceManagement/operationApprovalRequests"
)

func encoded(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// TestAProtectedWriteTakesTwoCallsAndAnApproval goes through the whole of Multi Admin Approval,
// with a tenant that protects a type and with the fault.
func TestAProtectedWriteTakesTwoCallsAndAnApproval(t *testing.T) {
	const (
		target = "/beta/deviceManagement/deviceCategories"
		body   = `{"displayName":"x"}`
		why    = "Wegen Störung – 障害"
	)
	for name, c := range map[string]struct {
		world  *world
		fault  bool
		status int
		code   string
	}{
		"by the tenant":      {world: with(t, graphtest.Config{ApprovalRequired: []graph.PolicyType{"deviceCategory"}}, graphserver.Config{}), status: 412, code: "BadRequest"},
		"by a fault":         {world: with(t, graphtest.Config{}, graphserver.Config{}), fault: true, status: 412, code: "BadRequest"},
		"by a fault, as 403": {world: with(t, graphtest.Config{}, graphserver.Config{}), fault: true, status: 403, code: "ApprovalRequired"},
	} {
		t.Run(name, func(t *testing.T) {
			w := c.world.in(t)
			if c.fault {
				o := graphserver.FaultOptions{Type: "deviceCategory"}
				if c.status != 412 {
					o.Status = c.status
				}
				if err := w.server.Fault("approval", o); err != nil {
					t.Fatal(err)
				}
			}
			post := func(body string, headers ...string) reply {
				return w.ask("POST", target, body, append([]string{"Content-Type", "application/json"}, headers...)...)
			}
			for want, headers := range map[string][]string{
				"Header 'x-msft-approval-justification' is required to request approval": nil,
				"could not be decoded":                    {justified, why},
				"must be no greater than 1024 characters": {justified, encoded(strings.Repeat("x", 1025))},
			} {
				if _, message := post(body, headers...).wantError(t, 400); !strings.Contains(message, want) {
					t.Errorf("the message is %s; want %s", message, want)
				}
			}
			if got := w.graph.Approvals(tenant); len(got) != 0 {
				t.Fatalf("requests of what was refused: %+v", got)
			}
			first := post(body, justified, encoded(why))
			id := first.header.Get(code)
			if kind, message := first.wantError(t, c.status); kind != c.code || !strings.Contains(message, code+": "+id) || len(id) != 36 {
				t.Errorf("the first call: %s %s, code %q", kind, message, id)
			}
			row := decode(t, w.ask("GET", requests+"/"+id, "").body)
			if text(row["status"]) != "needsApproval" || text(row["requestJustification"]) != why {
				t.Errorf("the request is %s", row)
			}
			post(body, code, id).wantError(t, 403) // too early
			w.ask("POST", requests+"/"+unknown+"/approve", "").wantError(t, 404)
			if r := w.ask("POST", requests+"/"+id+"/approve", ""); r.status != 200 {
				t.Fatalf("approving: %d %s", r.status, r.body)
			}
			var rows []json.RawMessage
			list := w.get(requests + "?$filter=status%20eq%20'approved'&$select=id,requestJustification")
			if err := json.Unmarshal(list["value"], &rows); err != nil || len(rows) != 1 || text(decode(t, rows[0])["id"]) != id {
				t.Errorf("approved are %s: %v", list["value"], err)
			}
			post(`{"displayName":"y"}`, code, id).wantError(t, 403) // something else was approved
			if r := post(body, code, id); r.status != 201 {
				t.Errorf("with the code: %d %s", r.status, r.body)
			}
			post(body, code, id).wantError(t, 403) // once
			if row := decode(t, w.ask("GET", requests+"/"+id, "").body); text(row["status"]) != "completed" {
				t.Errorf("the request is %s", row)
			}

			object := target + "/" + w.one("deviceCategory", func(graph.Policy) bool { return true }).ID
			patch := func(name string) reply {
				return w.ask("PATCH", object, `{"displayName":"`+name+`"}`, "Content-Type", "application/json", justified, encoded(why))
			}
			second := patch("z")
			second.wantError(t, c.status)
			for _, name := range []string{"z", "another"} {
				if _, message := patch(name).wantError(t, 409); !strings.Contains(message, "An active Approval Request already exists") {
					t.Errorf("a repeat is %s", message)
				}
			}
			w.get(target) // reading needs no approval
			w.send(200, "POST", requests+"/"+second.header.Get(code)+"/reject", nil)
			w.ask("PATCH", object, `{"displayName":"z"}`, "Content-Type", "application/json", code, second.header.Get(code)).wantError(t, 403)
			patch("another").wantError(t, c.status)
		})
	}
}

func TestRequestsForApprovalTakeAPermissionAndTheBeta(t *testing.T) {
	w := with(t, graphtest.Config{}, graphserver.Config{})
	w.ask("GET", requests+"/"+unknown, "").wantError(t, 404)
	w.ask("GET", strings.Replace(requests, "beta", "v1.0", 1), "").wantError(t, 404)
	w.ask("POST", requests, `{}`, "Content-Type", "application/json").wantError(t, 405)
	w.token = graphserver.Token(tenant, graphserver.TokenOptions{Roles: []string{"DeviceManagementApps.ReadWrite.All"}})
	w.ask("GET", requests, "").wantError(t, 403)
	w.token = graphserver.Token(tenant, graphserver.TokenOptions{Roles: []string{"DeviceManagementRBAC.Read.All"}})
	w.get(requests)
}
