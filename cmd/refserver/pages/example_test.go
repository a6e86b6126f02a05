package pages_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/tenantatlas/tenantbackup/backupsched"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
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

// services are what pages show; the program that embeds them has them already.
func services(ctx context.Context, authorizer runs.Authorizer) (cfg pages.Config, closeStore func() error, err error) {
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
	if cfg.Starter, err = runs.NewStarter(runs.StarterConfig{Store: db, Queue: queue, Authorizer: authorizer, Preparers: rules}); err != nil {
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

// A host says who asks and which tenants are his or hers, and hangs the pages into its own mux,
// beside its own pages.
func ExamplePages_handler() {
	// What the host has: sessions, tenants, roles.
	signedIn := func(r *http.Request) (runs.Actor, bool) {
		name, _, ok := r.BasicAuth()
		return runs.Actor{ID: name, Name: name}, ok
	}
	roleOf := func(_ context.Context, tenant graph.TenantID, actor runs.Actor) (runs.Role, error) {
		if tenant == "contoso" && actor.ID == "alice" {
			return runs.RoleManager, nil
		}
		return runs.RoleNone, nil
	}

	cfg, closeStore, err := services(context.Background(), runs.RoleAuthorizer{RoleOf: roleOf})
	if err != nil {
		log.Fatal(err)
	}
	defer closeStore()
	cfg.Product, cfg.Prefix, cfg.Principal = "My product", "/admin/backups", signedIn
	cfg.Tenants = func(ctx context.Context, actor runs.Actor) ([]pages.Tenant, error) {
		if actor.ID != "alice" {
			return nil, nil
		}
		return []pages.Tenant{{ID: "contoso", Name: "Contoso Ltd"}}, nil
	}
	backups, err := pages.New(cfg)
	if err != nil {
		log.Fatal(err)
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "My product's own page") })
	backups.Mount(mux) // with chi: router.Mount("/admin/backups", backups)

	ask := func(path, user string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if user != "" {
			r.SetBasicAuth(user, "")
		}
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Printf("%s as %q: %d\n", path, user, w.Code)
	}
	ask("/", "alice")
	ask("/admin/backups/contoso/schedules", "alice")
	ask("/admin/backups/contoso/schedules", "bob")
	ask("/admin/backups/contoso/schedules", "")
	// Output:
	// / as "alice": 200
	// /admin/backups/contoso/schedules as "alice": 200
	// /admin/backups/contoso/schedules as "bob": 403
	// /admin/backups/contoso/schedules as "": 401
}
