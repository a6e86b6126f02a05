package main

import (
	"net/http"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/api"
	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
)

// host is the product that embeds all this, for a listener.
func (a *app) host(loopback bool) (*product.Product, error) {
	return product.New(product.Config{Users: a.users, Loopback: loopback, Clock: a.clock, Logger: a.log})
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
	json.Mount(mux)
	mux.Handle("/", host)
	return mux, nil
}
