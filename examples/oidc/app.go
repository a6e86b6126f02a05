package main

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/graphtest"
	"github.com/tenantatlas/tenantbackup/retention"
	"github.com/tenantatlas/tenantbackup/runs"
	"github.com/tenantatlas/tenantbackup/runs/backupset"
	"github.com/tenantatlas/tenantbackup/runs/capture"
	"github.com/tenantatlas/tenantbackup/runs/memqueue"
	"github.com/tenantatlas/tenantbackup/runs/restore"
	"github.com/tenantatlas/tenantbackup/runs/transfer"
	"github.com/tenantatlas/tenantbackup/store"
	"github.com/tenantatlas/tenantbackup/store/sqlitestore"
)

// app is the host: the API and a home page, behind the sign-in. Nothing runs backups here; the
// quickstart shows that part.
type app struct {
	handler http.Handler
	close   func() error
}

func openApp(ctx context.Context, s *signIn) (_ *app, err error) {
	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = db.Close() // what went wrong before says more
		}
	}()
	if err = db.Migrate(ctx); err != nil {
		return nil, err
	}
	json, err := newAPI(db, s)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	json.Mount(mux)
	s.mount(mux)
	mux.HandleFunc("GET /{$}", s.home)
	return &app{handler: http.NewCrossOriginProtection().Handler(mux), close: db.Close}, nil
}

// newAPI puts together what the API answers from. The sign-in is the host's part in it: who asks,
// which tenants are his or hers, and as what.
func newAPI(db *sqlitestore.Store, s *signIn) (_ *api.API, err error) {
	cfg := api.Config{Principal: s.principal, TenantAccess: s.access}
	queue, err := memqueue.New(memqueue.Config{})
	if err != nil {
		return nil, err
	}
	if cfg.Permissions, err = graphtest.New(graphtest.Config{}); err != nil { // usually a *msgraph.Client
		return nil, err
	}
	rules, err := preparers(db)
	if err != nil {
		return nil, err
	}
	if cfg.Starter, err = runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Authorizer: runs.RoleAuthorizer{RoleOf: s.roleOf}, Preparers: rules}); err != nil {
		return nil, err
	}
	if cfg.Retention, err = retention.New(retention.Config{Store: db, Starter: cfg.Starter}); err != nil {
		return nil, err
	}
	if cfg.Scheduler, err = backupsched.NewScheduler(backupsched.Config{Store: db, Starter: cfg.Starter, PlanGuard: cfg.Retention}); err != nil {
		return nil, err
	}
	guard := cfg.Starter.Guard()
	if cfg.Archive, err = backupset.NewArchive(backupset.ArchiveConfig{Store: db, Guard: guard}); err != nil {
		return nil, err
	}
	if cfg.Restores, err = restore.NewService(restore.ServiceConfig{Store: db, Guard: guard}); err != nil {
		return nil, err
	}
	if cfg.Exporter, err = transfer.NewExporter(transfer.ExporterConfig{Store: db, Guard: guard}); err != nil {
		return nil, err
	}
	if cfg.Uploader, err = transfer.NewUploader(transfer.UploaderConfig{Store: db, Guard: guard}); err != nil {
		return nil, err
	}
	return api.New(cfg)
}

// preparers hold the rules of what people start beside backups: restores, sets of their own,
// imports. None of these is started without.
func preparers(db store.Store) ([]runs.Preparer, error) {
	captures, err := capture.NewRequests(db, graph.Catalog)
	if err != nil {
		return nil, err
	}
	restores, err := restore.NewRequests(restore.RequestsConfig{Store: db})
	if err != nil {
		return nil, err
	}
	imports, err := transfer.NewRequests(db)
	return []runs.Preparer{captures, restores, imports}, err
}

// home says who is signed in; whoever is not is led to the provider.
func (s *signIn) home(w http.ResponseWriter, r *http.Request) {
	actor, ok := s.principal(r)
	if !ok {
		http.Redirect(w, r, signInPath, http.StatusSeeOther)
		return
	}
	s.mu.Lock()
	mine := s.people[actor.ID] // never changed, only replaced
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(map[string]any{"name": actor.Name, "roles": mine}) // a browser that has gone misses nothing
}
