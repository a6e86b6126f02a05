package main

import (
	"context"
	"net/http"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/pages"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/runs"
)

// host is the product that embeds all this, for a listener.
func (a *app) host(loopback bool) (*product.Product, error) {
	styles, err := pages.Stylesheets(pages.DefaultPrefix)
	if err != nil {
		return nil, err
	}
	return product.New(product.Config{
		Users: a.users, Loopback: loopback, Clock: a.clock, Logger: a.log, Backups: pages.DefaultPrefix, Stylesheets: styles,
		Facts: a.card,
	})
}

// handler answers what a role answers: a process without pages and API still tells how it is.
func (a *app) handler(r role, host *product.Product) (http.Handler, error) {
	json, err := api.New(api.Config{
		Scheduler: a.scheduler, Starter: a.starter, Archive: a.archive, Retention: a.retention,
		Restores: a.restores, Exporter: a.exporter, Uploader: a.uploader, Permissions: a.connection.client,
		Principal: host.Principal, TenantAccess: host.Access,
		Ready: a.db.ready, Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	if !r.web() {
		mux.Handle("/healthz", json)
		mux.Handle("/readyz", json)
		return mux, nil
	}
	backups, err := pages.New(pages.Config{
		Scheduler: a.scheduler, Starter: a.starter, Archive: a.archive, Retention: a.retention,
		Restores: a.restores, Exporter: a.exporter, Uploader: a.uploader, Permissions: a.connection.client,
		Principal: host.Principal, SignIn: host.SignInFirst, SignOutPath: "/signout", Product: product.Name, PlainHTTP: host.Plain,
		Tenants: func(ctx context.Context, actor runs.Actor) ([]pages.Tenant, error) {
			list, err := host.Tenants(ctx, actor)
			shown := make([]pages.Tenant, 0, len(list))
			for _, t := range list {
				shown = append(shown, pages.Tenant{ID: t.ID, Name: t.Name})
			}
			return shown, err
		},
		Health: a.health(r), Clock: a.clock, Logger: a.log,
	})
	if err != nil {
		return nil, err
	}
	json.Mount(mux)
	backups.Mount(mux)
	mux.Handle("/", host)
	return host.Once(logRequests(mux, host, a.clock, a.log)), nil
}
