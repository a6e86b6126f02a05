package graphserver

import (
	"net"
	"net/http"
	"strconv"
	"time"
)

// arrive lets happen what goes wrong before a request is looked at.
func (s *Server) arrive(r *request) *answer {
	if f, _, ok := s.due(r, onArrival, func(name string) bool { return name == slow }); ok {
		if f.Wait == 0 {
			f.Wait = time.Second
		}
		r.wait += f.Wait
	}
	f, _, ok := s.due(r, onArrival, func(name string) bool { return name != slow })
	if !ok {
		return nil
	}
	var a answer
	switch f.Name {
	case connectionReset:
		r.reset = true
	case redirect:
		a = answer{status: http.StatusFound}.with("Location", "https://"+otherHost(f.Host)+"/"+r.version+r.path)
	case tokenRevoked:
		a = s.revoke(r)
	default:
		a = s.expire(r)
	}
	return &a
}

// otherHost is where links and redirects lead that no client may follow.
func otherHost(host string) string {
	if host == "" {
		return "graph.example"
	}
	return host
}

// pause waits as long as the answer takes; false when the client has gone meanwhile.
func (s *Server) pause(r *request) bool {
	wait := r.wait + s.cfg.Latency
	if wait <= 0 {
		return r.ctx.Err() == nil
	}
	select {
	case <-r.ctx.Done():
		return false
	case <-s.clock.After(wait):
		return true
	}
}

// deliver sends an answer, or what a fault makes of it.
func (s *Server) deliver(w http.ResponseWriter, r *request, a answer) {
	f, _, ok := s.due(r, onSending, func(name string) bool {
		return name != batchMissing && !r.reset && (name != bodyCut || len(a.body) > 1)
	})
	switch {
	case r.reset, a.lost, ok && f.Name == lostReply:
		drop(w)
	case r.cut, ok && f.Name == bodyCut:
		s.header(w.Header(), r, a)
		w.WriteHeader(a.status)
		_, _ = w.Write(a.body[:len(a.body)/2])
		_ = http.NewResponseController(w).Flush() // what cannot be flushed is cut even shorter
		drop(w)
	case ok:
		s.send(w, r, answer{status: http.StatusOK, body: []byte("<html><body>Please sign in to the network.</body></html>")}.with("Content-Type", "text/html"))
	default:
		s.send(w, r, a)
	}
}

// send writes an answer to the connection.
func (s *Server) send(w http.ResponseWriter, r *request, a answer) {
	s.header(w.Header(), r, a)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a client that is gone needs no answer
}

// header has what every answer has besides its own.
func (s *Server) header(h http.Header, r *request, a answer) {
	for key, values := range a.header {
		h[key] = values
	}
	h.Set("request-id", r.id)
	h.Set("client-request-id", r.client)
	h.Set("x-ms-ags-diagnostic", `{"ServerInfo":{"DataCenter":"Memory","Slice":"E","Ring":"0","ScaleUnit":"001","RoleInstance":"GRAPHTEST"}}`)
	h.Set("Date", r.now.UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "no-cache")
	if a.body == nil {
		return
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", r.contentType())
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
}

func (r *request) contentType() string {
	return "application/json;odata.metadata=" + string(r.metadata) + ";odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
}

// drop closes the connection as a machine does that fails.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		// HTTP/2 has many requests on a connection. This is how net/http is told to end one;
		// it recovers from it and logs nothing.
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset instead of a proper end
	}
	_ = conn.Close()
}
