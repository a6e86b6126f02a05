package msgraph

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Cloud is one of Microsoft's clouds: where Graph answers, and where tokens for it come
// from. The tokens of one are worth nothing in another.
// Source: https://learn.microsoft.com/graph/deployments
type Cloud struct {
	Graph string // root of Graph, without a version: "https://graph.microsoft.com"
	Login string // root of the sign-in service: "https://login.microsoftonline.com"
}

// Global is the public cloud, also for GCC.
func Global() Cloud {
	return Cloud{Graph: "https://graph.microsoft.com", Login: "https://login.microsoftonline.com"}
}

// GCCHigh is the cloud of the United States government at level 4.
func GCCHigh() Cloud {
	return Cloud{Graph: "https://graph.microsoft.us", Login: "https://login.microsoftonline.us"}
}

// DoD is the cloud of the United States Department of Defense, level 5.
func DoD() Cloud {
	return Cloud{Graph: "https://dod-graph.microsoft.us", Login: "https://login.microsoftonline.us"}
}

// China is the cloud operated by 21Vianet.
func China() Cloud {
	return Cloud{Graph: "https://microsoftgraph.chinacloudapi.cn", Login: "https://login.chinacloudapi.cn"}
}

// root reads the address of a Graph without version. Plain http would show tokens to everybody
// on the way, so only this machine may be addressed with it.
func root(field, address string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(address, "/"))
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, fmt.Errorf("msgraph: field %s is no address such as %q", field, Global().Graph)
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, fmt.Errorf("msgraph: field %s has more than scheme, host and path", field)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("msgraph: field %s needs https; plain http is for this machine only (localhost, 127.0.0.1, ::1)", field)
}

// loopback tells whether a host name means this machine.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}
