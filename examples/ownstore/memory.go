package main

import (
	"context"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/store"
)

// Memory is a [store.Store] on maps. One lock makes every method a transaction: a method
// first checks everything, then writes. It is safe for concurrent use.
type Memory struct {
	clock runs.Clock

	mu            sync.Mutex
	schedules     table[backupsched.Schedule]
	runs          table[runs.Run]
	items         map[runs.ID][]runs.Item // by run
	audit         map[graph.TenantID][]runs.AuditEntry
	heads         map[graph.TenantID]runs.AuditHead
	notifications table[runs.Notification]
	sets          table[backupset.BackupSet]
	setItems      map[runs.ID][]backupset.Item // by set
	policies      table[backupset.Policy]
	versions      table[version]
	previews      table[restore.Preview]
	previewItems  map[runs.ID][]restore.PreviewItem // by preview
	steps         map[runs.ID][]restore.Step        // by run
	uploads       table[upload]
	lastID        int64
}

// version is a policy version with its payload.
type version struct {
	backupset.PolicyVersion
	Payload  []byte
	Snapshot bool // one was taken of it, so that it stays
}

// NewMemory returns an empty store that takes its time from the clock.
func NewMemory(clock runs.Clock) *Memory {
	return &Memory{
		clock: clock, schedules: table[backupsched.Schedule]{}, runs: table[runs.Run]{},
		items: map[runs.ID][]runs.Item{}, audit: map[graph.TenantID][]runs.AuditEntry{},
		heads:         map[graph.TenantID]runs.AuditHead{},
		notifications: table[runs.Notification]{}, sets: table[backupset.BackupSet]{},
		setItems: map[runs.ID][]backupset.Item{}, policies: table[backupset.Policy]{}, versions: table[version]{},
		previews: table[restore.Preview]{}, previewItems: map[runs.ID][]restore.PreviewItem{}, steps: map[runs.ID][]restore.Step{}, uploads: table[upload]{},
	}
}

// lock begins a transaction, unless the caller has given up already.
func (m *Memory) lock(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	return nil
}

// now is the clock's time as records keep it.
func (m *Memory) now() time.Time { return keep(m.clock.Now()) }

// newID returns an id in the form of a UUIDv7, greater than those before.
func (m *Memory) newID() runs.ID {
	m.lastID++
	ms := m.clock.Now().UnixMilli()
	return runs.ID(fmt.Sprintf("%08x-%04x-7000-8000-%012x", ms>>16&0xffffffff, ms&0xffff, m.lastID))
}

// table holds the rows of one kind of record by id, each with the tenant that it belongs
// to. Rows are copied on their way in and out.
type table[T any] map[runs.ID]row[T]

type row[T any] struct {
	tenant graph.TenantID
	record T
}

// get returns a record of the tenant. Another tenant's is not found, like nobody's.
func (t table[T]) get(tenant graph.TenantID, id runs.ID) (T, error) {
	r, ok := t[id]
	if !ok || r.tenant != tenant {
		var none T
		return none, runs.ErrNotFound
	}
	return keep(r.record), nil
}

func (t table[T]) put(tenant graph.TenantID, id runs.ID, record T) {
	t[id] = row[T]{tenant, keep(record)}
}

// where returns the tenant's records that pass, in no order.
func (t table[T]) where(tenant graph.TenantID, pass func(T) bool) []T {
	var list []T
	for _, r := range t {
		if r.tenant == tenant && pass(r.record) {
			list = append(list, keep(r.record))
		}
	}
	return list
}

// everywhere returns the records of all tenants that pass, in no order.
func (t table[T]) everywhere(pass func(T) bool) []T {
	var list []T
	for _, r := range t {
		if pass(r.record) {
			list = append(list, keep(r.record))
		}
	}
	return list
}

// keep returns a record as a store keeps it: a copy that shares no memory with the original,
// all times in UTC with microseconds.
func keep[T any](record T) T {
	return kept(reflect.ValueOf(&record).Elem()).Interface().(T)
}

func kept(v reflect.Value) reflect.Value {
	if at, ok := v.Interface().(time.Time); ok {
		return reflect.ValueOf(at.UTC().Truncate(time.Microsecond))
	}
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			c.Field(i).Set(kept(v.Field(i)))
		}
	case reflect.Slice:
		if !v.IsNil() {
			c.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			reflect.Copy(c, v)
			for i := range v.Len() {
				if v.Type().Elem().Kind() == reflect.Uint8 {
					break // bytes need no second look
				}
				c.Index(i).Set(kept(v.Index(i)))
			}
		}
	case reflect.Map:
		if !v.IsNil() {
			c.Set(reflect.MakeMap(v.Type()))
			for k, e := range v.Seq2() {
				c.SetMapIndex(k, kept(e))
			}
		}
	}
	return c
}

var _ store.Store = (*Memory)(nil)
