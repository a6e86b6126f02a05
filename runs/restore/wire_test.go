package restore_test

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"net/http"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
)

// wireCall is a call to a Graph in another process.
type wireCall struct {
	Op          graph.Op
	Tenant      graph.TenantID
	Type        graph.PolicyType
	IDs         []string
	Body        []byte
	Assignments [][]byte
	Refs        []graph.Reference
}

// wireFailure is an error on its way.
type wireFailure struct {
	Kind graph.Kind
	Text string
}

func failureOf(err error) wireFailure {
	if err == nil {
		return wireFailure{}
	}
	return wireFailure{graph.KindOf(err), err.Error()}
}

func (f wireFailure) err() error {
	if f == (wireFailure{}) {
		return nil
	}
	return &graph.Error{Op: f.Text, Kind: f.Kind}
}

type wireReply struct {
	Pages       []graph.Page
	Policies    []graph.Policy
	Failures    []wireFailure // of the policies
	Resolutions []graph.Resolution
	ID          string
	Failure     wireFailure
}

// wire is the client.
type wire struct{ address string }

func (c wire) call(ctx context.Context, call wireCall) (reply wireReply, err error) {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(call); err != nil {
		return reply, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, &b)
	if err != nil {
		return reply, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return reply, &graph.Error{Op: string(call.Op), Kind: graph.KindAmbiguous, Err: err}
	}
	defer res.Body.Close()
	if err := gob.NewDecoder(res.Body).Decode(&reply); err != nil {
		return reply, &graph.Error{Op: string(call.Op), Kind: graph.KindAmbiguous, Err: err}
	}
	return reply, reply.Failure.err()
}

func (c wire) List(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, page func(graph.Page) error) error {
	reply, err := c.call(ctx, wireCall{Op: graph.OpList, Tenant: tenant, Type: t})
	for _, p := range reply.Pages {
		if err := page(p); err != nil {
			return err
		}
	}
	return err
}

func (c wire) Get(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, ids []string) ([]graph.Result, error) {
	reply, err := c.call(ctx, wireCall{Op: graph.OpGet, Tenant: tenant, Type: t, IDs: ids})
	out := make([]graph.Result, len(reply.Policies))
	for i, p := range reply.Policies {
		out[i] = graph.Result{ID: ids[i], Policy: p, Err: reply.Failures[i].err()}
	}
	return out, err
}

func (c wire) Resolve(ctx context.Context, tenant graph.TenantID, refs []graph.Reference) ([]graph.Resolution, error) {
	reply, err := c.call(ctx, wireCall{Op: graph.OpResolve, Tenant: tenant, Refs: refs})
	return reply.Resolutions, err
}

func (c wire) Create(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, body json.RawMessage) (string, error) {
	reply, err := c.call(ctx, wireCall{Op: graph.OpCreate, Tenant: tenant, Type: t, Body: body})
	return reply.ID, err
}

func (c wire) Update(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, body json.RawMessage) error {
	_, err := c.call(ctx, wireCall{Op: graph.OpUpdate, Tenant: tenant, Type: t, IDs: []string{id}, Body: body})
	return err
}

func (c wire) Assign(ctx context.Context, tenant graph.TenantID, t graph.PolicyType, id string, list []json.RawMessage) error {
	call := wireCall{Op: graph.OpAssign, Tenant: tenant, Type: t, IDs: []string{id}}
	for _, a := range list {
		call.Assignments = append(call.Assignments, a)
	}
	_, err := c.call(ctx, call)
	return err
}

var _ graph.Client = wire{}

// served answers a process, and kills it where it is told to. What the process has asked for
// is done, also when it is dead by then.
type served struct {
	graph *graphtest.Graph
	sync  func() // sets the Graph's clock
	at    death
	kill  func() // returns when the process is dead

	doing  sync.WaitGroup
	mu     sync.Mutex
	writes int
}

func (s *served) ServeHTTP(rw http.ResponseWriter, req *http.Request) {
	s.doing.Add(1)
	defer s.doing.Done()
	var call wireCall
	if err := gob.NewDecoder(req.Body).Decode(&call); err != nil {
		return // it died while it asked
	}
	s.mu.Lock()
	s.sync()
	fatal := false
	switch call.Op {
	case graph.OpCreate, graph.OpUpdate, graph.OpAssign:
		s.writes++
		fatal = s.writes == s.at.write
	}
	s.mu.Unlock()
	if fatal && !s.at.done {
		s.kill()
		return
	}
	reply := s.answer(context.WithoutCancel(req.Context()), call)
	if fatal {
		s.kill()
		return
	}
	_ = gob.NewEncoder(rw).Encode(reply)
}

func (s *served) answer(ctx context.Context, c wireCall) (reply wireReply) {
	var err error
	switch c.Op {
	case graph.OpList:
		err = s.graph.List(ctx, c.Tenant, c.Type, func(p graph.Page) error { reply.Pages = append(reply.Pages, p); return nil })
	case graph.OpGet:
		var results []graph.Result
		results, err = s.graph.Get(ctx, c.Tenant, c.Type, c.IDs)
		for _, r := range results {
			reply.Policies, reply.Failures = append(reply.Policies, r.Policy), append(reply.Failures, failureOf(r.Err))
		}
	case graph.OpResolve:
		reply.Resolutions, err = s.graph.Resolve(ctx, c.Tenant, c.Refs)
	case graph.OpCreate:
		reply.ID, err = s.graph.Create(ctx, c.Tenant, c.Type, c.Body)
	case graph.OpUpdate:
		err = s.graph.Update(ctx, c.Tenant, c.Type, c.IDs[0], c.Body)
	case graph.OpAssign:
		list := make([]json.RawMessage, len(c.Assignments))
		for i, a := range c.Assignments {
			list[i] = a
		}
		err = s.graph.Assign(ctx, c.Tenant, c.Type, c.IDs[0], list)
	}
	reply.Failure = failureOf(err)
	return reply
}
