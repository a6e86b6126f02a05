package memqueue

import (
	"cmp"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
)

// runKey names a run: its id is its tenant's only.
type runKey struct {
	tenant graph.TenantID
	run    runs.ID
}

func keyOf(job runs.Job) runKey { return runKey{job.TenantID, job.RunID} }

// entry is a waiting job.
type entry struct {
	job   runs.Job
	due   time.Time // when it could be delivered first
	seq   int64     // the order of arrival
	in    *jobHeap
	index int
}

func byTime(a, b *entry) int { return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.seq, b.seq)) }

func byClass(a, b *entry) int {
	switch {
	case a.job.Interactive && !b.job.Interactive:
		return -1
	case b.job.Interactive && !a.job.Interactive:
		return 1
	}
	return byTime(a, b)
}

// jobHeap is a [container/heap.Interface] whose entries know where they are.
type jobHeap struct {
	before func(a, b *entry) int
	list   []*entry
}

func (h *jobHeap) Len() int           { return len(h.list) }
func (h *jobHeap) Less(i, j int) bool { return h.before(h.list[i], h.list[j]) < 0 }

func (h *jobHeap) Swap(i, j int) {
	h.list[i], h.list[j] = h.list[j], h.list[i]
	h.list[i].index, h.list[j].index = i, j
}

func (h *jobHeap) Push(x any) {
	e := x.(*entry)
	e.in, e.index = h, len(h.list)
	h.list = append(h.list, e)
}

func (h *jobHeap) Pop() any {
	last := len(h.list) - 1
	e := h.list[last]
	h.list[last] = nil
	h.list = h.list[:last]
	return e
}
