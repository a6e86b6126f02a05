package graphserver

import (
	"encoding/json"
)

// updatePolicySet changes the items of a policy set and to whom it is assigned, which is its
// only way to be assigned.
func (s *Server) updatePolicySet(r *request, to target) answer {
	body, problem := r.parameters("update", "addedPolicySetItems", "updatedPolicySetItems", "deletedPolicySetItems", "assignments")
	if problem != nil {
		return *problem
	}
	var lists [3][]json.RawMessage
	for i, key := range []string{"addedPolicySetItems", "updatedPolicySetItems", "assignments"} {
		if lists[i], problem = r.list(body, key); problem != nil {
			return *problem
		}
	}
	added, updated, assigned := lists[0], lists[1], lists[2]
	var deleted []string
	if json.Unmarshal(orNull(body["deletedPolicySetItems"]), &deleted) != nil {
		return r.badRequest("The parameter 'deletedPolicySetItems' is not a collection of ids.")
	}
	for i := range added {
		added[i] = without(added[i], "id")
	}
	if len(added)+len(updated)+len(deleted) > 0 {
		a := s.edit(r, to, "items", func(have []json.RawMessage) ([]json.RawMessage, error) {
			return revised(have, updated, deleted, added)
		})
		if a.status >= 300 || a.lost {
			return a
		}
	}
	if assigned != nil {
		if err := s.graph.Assign(r.justified(), r.who.tenant, to.policy.Type, to.policy.ID, assigned); err != nil {
			return s.failed(r, err)
		}
	}
	return answer{status: 204}
}
