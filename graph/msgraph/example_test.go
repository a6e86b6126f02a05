package msgraph_test

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantatlas/tenantbackup/graph"
	"github.com/tenantatlas/tenantbackup/graph/msgraph"
)

// signIn stands for the host's sign-in; graph/azauth has sources for Entra.
type signIn struct{}

func (signIn) Token(context.Context, graph.TenantID, string) (msgraph.Token, error) {
	return msgraph.Token{Value: "...", Expires: time.Now().Add(time.Hour)}, nil
}

// A token is never sent in the clear.
func ExampleNew() {
	_, err := msgraph.New(msgraph.Config{Tokens: signIn{}, Cloud: msgraph.GCCHigh()})
	fmt.Println(err)
	_, err = msgraph.New(msgraph.Config{Tokens: signIn{}, BaseURL: "http://graph.example"})
	fmt.Println(err)
	// Output:
	// <nil>
	// msgraph: field BaseURL needs https; plain http is for this machine only (localhost, 127.0.0.1, ::1)
}
