package msgraph

import (
	"math"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestAConfigurationThatCannotWorkIsRefusedByTheNameOfItsField(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"Tokens":            func(c *Config) { c.Tokens = nil },
		"Share":             func(c *Config) { c.Share = -1 },
		"Workers":           func(c *Config) { c.Workers = -1 },
		"Attempts":          func(c *Config) { c.Attempts = -1 },
		"MaxWait":           func(c *Config) { c.MaxWait = -1 },
		"MaxTotal":          func(c *Config) { c.MaxTotal = -1 },
		"Timeout":           func(c *Config) { c.Timeout = -1 },
		"MaxAnswer":         func(c *Config) { c.MaxAnswer = -1 },
		"Cloud.Graph":       func(c *Config) { c.Cloud = Cloud{Graph: "graph.microsoft.com"} },
		"Limits[directory]": func(c *Config) { c.Limits = map[graph.Workload]Limit{"directory": {Rate: math.NaN()}} },
		"Limits[intune]":    func(c *Config) { c.Limits = map[graph.Workload]Limit{"intune": {WriteRate: math.Inf(1)}} },
	} {
		cfg := Config{Tokens: always}
		change(&cfg)
		if _, err := New(cfg); err == nil || !strings.Contains(err.Error(), "field "+want+" ") {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestPlainHTTPIsForThisMachineOnly(t *testing.T) {
	for address, ok := range map[string]bool{
		"http://localhost": true, "http://LOCALHOST:8080/": true, "http://127.0.0.1:1234": true, "http://127.9.8.7": true, "http://[::1]:80": true,
		"http://[::ffff:127.0.0.1]": true, "https://graph.example/proxy/": true,
		"http://graph.microsoft.com": false, "http://127.0.0.1.example.com": false, "http://localhost.example.com": false, "http://10.0.0.1": false,
		"http://0.0.0.0": false, "http://[::]": false, "http://2130706433": false, "ftp://localhost": false, "": true, "localhost": false, "https://": false,
		"https://user:password@graph.example": false, "https://graph.example?x=1": false, "https://graph.example#x": false, "https:graph.example": false,
	} {
		c, err := New(Config{Tokens: always, BaseURL: address})
		if (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if err != nil && strings.Contains(err.Error(), "password@") {
			t.Error(err)
		}
		if ok && strings.HasSuffix(c.root.String(), "/") {
			t.Errorf("the root is %s", c.root)
		}
	}
}

func TestEachCloudHasItsGraph(t *testing.T) {
	got := map[string]string{}
	for _, cloud := range []Cloud{{}, Global(), GCCHigh(), DoD(), China()} {
		c, err := New(Config{Tokens: always, Cloud: cloud})
		if err != nil {
			t.Fatal(err)
		}
		got[c.root.String()] = c.cfg.Cloud.Login
	}
	want := map[string]string{
		"https://graph.microsoft.com": "https://login.microsoftonline.com", "https://graph.microsoft.us": "https://login.microsoftonline.us",
		"https://dod-graph.microsoft.us": "https://login.microsoftonline.us", "https://microsoftgraph.chinacloudapi.cn": "https://login.chinacloudapi.cn",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestLimitsThatAreNotGivenAreTheDefaults(t *testing.T) {
	got, err := limitsOf(map[graph.Workload]Limit{graph.WorkloadIntune: {Rate: 10}, "own": {Burst: -1, WriteRate: -2}}, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := map[graph.Workload]Limit{
		graph.WorkloadIntune:    {Rate: 5, Burst: 12, WriteRate: 1.25, WriteBurst: 2, AtOnce: 16},
		graph.WorkloadAccess:    {Rate: 0.25, Burst: 1, WriteRate: 0.25, WriteBurst: 1, AtOnce: 1},
		graph.WorkloadDirectory: {Rate: 50, Burst: 25, WriteRate: 5, WriteBurst: 5, AtOnce: 16},
		"own":                   {Rate: 12.5, Burst: -1, WriteRate: -1, WriteBurst: 2, AtOnce: 16},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A host goes on using its client, redirects and all.
func TestTheHostsHTTPClientStaysAsItIs(t *testing.T) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	own := &http.Client{Jar: jar, Timeout: time.Second}
	c, err := New(Config{Tokens: always, HTTP: own})
	if err != nil || own.CheckRedirect != nil || own.Jar != jar || c.http == own || c.http.Timeout != time.Second {
		t.Errorf("%+v, %v", own, err)
	}
}
