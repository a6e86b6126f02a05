package graphserver

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tenantatlas/tenantbackup/graph"
)

// nested is an error of Intune's: a JSON document in the message, with the address of the
// machine that refused.
func (r *request) nested(status int, code, message string) answer {
	return r.nestedWith(status, code, message, "{}")
}

// nestedWith is one that repeats headers of the answer.
func (r *request) nestedWith(status int, code, message, headers string) answer {
	inner := struct {
		Version int    `json:"_version"`
		Message string `json:"Message"`
		Phrase  string `json:"CustomApiErrorPhrase"`
		Retry   *int   `json:"RetryAfter"`
		Source  string `json:"ErrorSourceService"`
		Headers string `json:"HttpHeaders"`
	}{
		Version: 3,
		Message: fmt.Sprintf("%s - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: %s - Url: https://fef.msub01.manage.microsoft.com/DeviceConfiguration_2601/StatelessDeviceConfigurationFEService/deviceManagement%s?api-version=5026-01-05",
			message, r.client, r.path),
		Headers: headers,
	}
	text, _ := json.MarshalIndent(inner, "", " ") // strings and numbers only
	return r.fail(status, code, strings.ReplaceAll(string(text), "\n", "\r\n"))
}

// workload is the part of Graph that answers for a path.
func workload(segments []string) graph.Workload {
	switch path := strings.Join(segments, "/"); {
	case strings.HasPrefix(path, "deviceManagement"), strings.HasPrefix(path, "deviceAppManagement"):
		return graph.WorkloadIntune
	case strings.HasPrefix(path, "identity/conditionalAccess/policies"), strings.HasPrefix(path, "identity/conditionalAccess/namedLocations"):
		return graph.WorkloadAccess
	}
	return graph.WorkloadDirectory
}
