package api_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

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

// services are what an API answers from; the program that embeds them has them already.
func services(ctx context.Context) (cfg api.Config, closeStore func() error, err error) {
	db, err := sqlitestore.Open(ctx, sqlitestore.Memory, sqlitestore.Options{})
	if err != nil {
		return cfg, nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return cfg, nil, err
	}
	queue, err := memqueue.New(memqueue.Config{})
	if err != nil {
		return cfg, nil, err
	}
	if cfg.Permissions, err = graphtest.New(graphtest.Config{}); err != nil { // usually a *msgraph.Client
		return cfg, nil, err
	}
	rules, err := preparers(db)
	if err != nil {
		return cfg, nil, err
	}
	cfg.Starter, err = runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Preparers: rules, Authorizer: runs.RoleAuthorizer{
		RoleOf: func(context.Context, graph.TenantID, runs.Actor) (runs.Role, error) { return runs.RoleReadonly, nil },
	}})
	if err != nil {
		return cfg, nil, err
	}
	if cfg.Retention, err = retention.New(retention.Config{Store: db, Starter: cfg.Starter}); err != nil {
		return cfg, nil, err
	}
	if cfg.Scheduler, err = backupsched.NewScheduler(backupsched.Config{Store: db, Starter: cfg.Starter, PlanGuard: cfg.Retention}); err != nil {
		return cfg, nil, err
	}
	guard := cfg.Starter.Guard()
	if cfg.Archive, err = backupset.NewArchive(backupset.ArchiveConfig{Store: db, Guard: guard}); err != nil {
		return cfg, nil, err
	}
	if cfg.Restores, err = restore.NewService(restore.ServiceConfig{Store: db, Guard: guard}); err != nil {
		return cfg, nil, err
	}
	if cfg.Exporter, err = transfer.NewExporter(transfer.ExporterConfig{Store: db, Guard: guard}); err != nil {
		return cfg, nil, err
	}
	cfg.Uploader, err = transfer.NewUploader(transfer.UploaderConfig{Store: db, Guard: guard})
	return cfg, db.Close, err
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

// A host says who asks and which tenants are his or hers, and hangs the API into its mux.
func ExampleNew() {
	cfg, closeStore, err := services(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	defer closeStore()
	cfg.Principal = func(r *http.Request) (runs.Actor, bool) {
		name, _, ok := r.BasicAuth()
		return runs.Actor{ID: name, Name: name}, ok
	}
	cfg.TenantAccess = func(_ context.Context, tenant graph.TenantID, actor runs.Actor) (bool, error) {
		return tenant == "contoso" && actor.ID == "alice", nil
	}
	handler, err := api.New(cfg)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	handler.Mount(mux)

	for _, tenant := range []string{"contoso", "fabrikam"} {
		r := httptest.NewRequest(http.MethodGet, "/api/v1/tenants/"+tenant+"/schedules", nil)
		r.SetBasicAuth("alice", "secret")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	// Output:
	// 200 {"items":[],"next_cursor":null}
	// 403 {"type":"about:blank","title":"Forbidden","status":403,"detail":"your role does not allow this, or the tenant has nothing of this id","code":"forbidden","errors":[]}
}
