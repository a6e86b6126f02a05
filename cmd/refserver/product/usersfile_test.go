package product_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantatlas/tenantbackup/cmd/refserver/product"
	"github.com/tenantatlas/tenantbackup/runs"
)

// Tokens of the tests and their hashes, at the least cost that is allowed.
const (
	aliceToken, bobToken = "alice-token-0123456789", "bob-token-0123456789"
	aliceHash            = "$argon2id$v=19$m=7168,t=1,p=1$c2FsdC1vZi10aGUtdGVzdA$Ul3yqkVQb0WPDlWwbr/scz9pQKCk5fKo1YvdM34bgJE"
	bobHash              = "$2a$10$fUtRaMvaYxJSYDefLnD5qOZqcxhR1hz1Rr9jCtPAJGuZygkOKcz66"
)

// twoUsers is a file of users: alice by argon2id, bob by bcrypt.
func twoUsers() string {
	return "# people\n\n" +
		`{"id": "alice", "name": "Alice Adams", "token_hash": "` + aliceHash + `", "roles": {"contoso": "owner", "fabrikam": "readonly"}}` + "\r\n" +
		`{"id":"bob@example.com","name":"Bob","token_hash":"` + bobHash + `","roles":{}}`
}

func read(t *testing.T, file string) *product.Users {
	t.Helper()
	users, err := product.ReadUsers(strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return users
}

func TestAFileOfUsersSaysWhoMaySignInAndAsWhat(t *testing.T) {
	users := read(t, twoUsers())
	if users.Demo() {
		t.Error("real users are demo users")
	}
	if owner, ok := users.Person("contoso", runs.RoleOwner); ok {
		t.Errorf("demo data would be planted as %v", owner)
	}
	p := made(t, product.Config{Users: users})
	for authorization, want := range map[string]string{
		"Bearer alice~" + aliceToken:         "alice",
		"Bearer bob@example.com~" + bobToken: "bob@example.com",
		"Bearer alice~" + bobToken:           "",
		"Bearer bob~" + bobToken:             "",
		"Bearer " + aliceToken:               "",
		"Bearer ~" + aliceToken:              "",
		"Bearer alice~":                      "",
		"Bearer alice~" + aliceHash:          "",
		"Bearer demo-owner-contoso":          "",
	} {
		if actor, ok := p.Principal(bearing(authorization)); actor.ID != want || ok != (want != "") {
			t.Errorf("%q signs in %+v, %v", authorization, actor, ok)
		}
	}
	list, _ := p.Tenants(t.Context(), runs.Actor{ID: "alice"})
	want := []product.Tenant{{ID: "contoso", Name: "Contoso", Role: runs.RoleOwner}, {ID: "fabrikam", Name: "Fabrikam", Role: runs.RoleReadonly}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("tenants of alice (-want +got):\n%s", diff)
	}
}

func TestWhatIsWrongInAFileOfUsersIsToldByLineAndField(t *testing.T) {
	line := func(id, name, hash, roles string) string {
		return fmt.Sprintf(`{"id": %s, "name": %s, "token_hash": %s, "roles": %s}`, id, name, hash, roles)
	}
	quoted := `"` + aliceHash + `"`
	argon := func(params string) string {
		return `"$argon2id$v=19$` + params + `$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2g"`
	}
	for name, c := range map[string]struct{ file, want string }{
		"nothing":                   {"", "there is no user in it"},
		"comments only":             {"# nobody\n", "there is no user in it"},
		"no JSON":                   {"alice:secret", "line 1: must be one JSON object"},
		"a list":                    {"[]", "line 1: must be one JSON object"},
		"cut off":                   {`{"id": "a"`, "line 1: must be one JSON object"},
		"two objects":               {"{}{}", "line 1: must be one JSON object"},
		"no UTF-8":                  {"{\"id\": \"\xff\"}", "line 1: must be UTF-8"},
		"the third line":            {"#\n\n{", "line 3: must be one JSON object"},
		"an empty object":           {"{}", "line 1, id: is required\nline 1, name: is required\nline 1, token_hash: is required\nline 1, roles: is required"},
		"an id with upper case":     {line(`"Alice"`, `"A"`, quoted, "{}"), "line 1, id: must be 1 to 64"},
		"an id with a tilde":        {line(`"a~b"`, `"A"`, quoted, "{}"), "line 1, id: must be 1 to 64"},
		"a number for an id":        {line("7", `"A"`, quoted, "{}"), "line 1, id: must be 1 to 64"},
		"a long id":                 {line(`"`+strings.Repeat("a", 65)+`"`, `"A"`, quoted, "{}"), "line 1, id: must be 1 to 64"},
		"the id of the program":     {line(`"system"`, `"A"`, quoted, "{}"), "line 1, id: is that of the program itself"},
		"an id twice":               {line(`"a"`, `"A"`, quoted, "{}") + "\n" + line(`"a"`, `"B"`, quoted, "{}"), "line 2, id: is that of line 1 too"},
		"no name":                   {line(`"a"`, `" "`, quoted, "{}"), "line 1, name: must be 1 to 100"},
		"a name of two lines":       {line(`"a"`, `"A\nB"`, quoted, "{}"), "line 1, name: must be 1 to 100"},
		"a token instead of a hash": {line(`"a"`, `"A"`, `"secret-token-0123456789"`, "{}"), "line 1, token_hash: must be a hash"},
		"null for a hash":           {line(`"a"`, `"A"`, "null", "{}"), "line 1, token_hash: must be a hash"},
		"argon2i":                   {line(`"a"`, `"A"`, strings.Replace(argon("m=19456,t=2,p=1"), "2id", "2i", 1), "{}"), "line 1, token_hash: must be a hash"},
		"too little memory":         {line(`"a"`, `"A"`, argon("m=1024,t=2,p=1"), "{}"), "line 1, token_hash: the memory of argon2id (m) must be 7168 to 65536"},
		"too much memory":           {line(`"a"`, `"A"`, argon("m=999999,t=2,p=1"), "{}"), "line 1, token_hash: the memory of argon2id (m) must be 7168 to 65536"},
		"no pass":                   {line(`"a"`, `"A"`, argon("m=19456,t=0,p=1"), "{}"), "line 1, token_hash: the passes of argon2id (t) must be 1 to 10"},
		"too many passes":           {line(`"a"`, `"A"`, argon("m=19456,t=99,p=1"), "{}"), "line 1, token_hash: the passes of argon2id (t) must be 1 to 10"},
		"no thread":                 {line(`"a"`, `"A"`, argon("m=19456,t=1,p=0"), "{}"), "line 1, token_hash: the threads of argon2id (p) must be 1 to 4"},
		"base64 with stray bits":    {line(`"a"`, `"A"`, strings.Replace(argon("m=19456,t=1,p=1"), "aGFzaGhhc2hoYXNoaGFzaGhhc2g", "aGFzaGhhc2hoYXNoaGFzaGhhc2h", 1), "{}"), "line 1, token_hash: salt and hash must be base64"},
		"cheap bcrypt":              {line(`"a"`, `"A"`, `"$2a$04$`+strings.Repeat("a", 53)+`"`, "{}"), "line 1, token_hash: the cost of bcrypt must be 10 to 14"},
		"dear bcrypt":               {line(`"a"`, `"A"`, `"$2a$31$`+strings.Repeat("a", 53)+`"`, "{}"), "line 1, token_hash: the cost of bcrypt must be 10 to 14"},
		"roles as a word":           {line(`"a"`, `"A"`, quoted, `"owner"`), `line 1, roles: must be an object such as {"contoso": "owner"}`},
		"an unknown role":           {line(`"a"`, `"A"`, quoted, `{"contoso": "root"}`), "line 1, roles.contoso: must be owner, manager, operator or readonly"},
		"an unknown tenant":         {line(`"a"`, `"A"`, quoted, `{"nowhere": "owner"}`), "line 1, roles: names a tenant that there is not"},
		"a tenant twice":            {line(`"a"`, `"A"`, quoted, `{"contoso": "owner", "contoso": "readonly"}`), "line 1, roles.contoso: stands there twice"},
		"a field twice":             {`{"id": "a", "id": "b", "name": "A", "token_hash": ` + quoted + `, "roles": {}}`, "line 1, id: stands there twice"},
		"an unknown field":          {`{"id": "a", "name": "A", "token_hash": ` + quoted + `, "roles": {}, "admin": true}`, "line 1: has a field that there is not"},
		"a long line":               {"#\n" + strings.Repeat(" ", 10000), "line 2: is longer than 8192 bytes"},
		"all at once":               {strings.Repeat("x\n", 50), "line 20: must be one JSON object"},
	} {
		users, err := product.ReadUsers(strings.NewReader(c.file))
		if err == nil || users != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
			continue
		}
		for _, secret := range []string{aliceHash, "secret", "root", "nowhere", "aGFzaG", "admin"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: the error repeats %s: %v", name, secret, err)
			}
		}
		if strings.Count(err.Error(), "\n") > 20 {
			t.Errorf("%s: the error has too many lines", name)
		}
	}
}

func TestAnErrorOfAFileNamesItsPlaceForPrograms(t *testing.T) {
	_, err := product.ReadUsers(strings.NewReader("\n{}"))
	var place *product.FileError
	if !errors.As(err, &place) || place.Line != 2 || place.Field != "id" {
		t.Errorf("%v is at %+v", err, place)
	}
}

func TestAHashedTokenSignsIn(t *testing.T) {
	hash, err := product.HashToken(aliceToken)
	if err != nil {
		t.Fatal(err)
	}
	again, _ := product.HashToken(aliceToken)
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") || hash == again {
		t.Errorf("the hashes are %s and %s", hash, again)
	}
	p := made(t, product.Config{Users: read(t, `{"id":"a","name":"A","token_hash":"`+hash+`","roles":{}}`)})
	if _, ok := p.Principal(bearing("Bearer a~" + aliceToken)); !ok {
		t.Error("the token does not sign in")
	}
	if _, ok := p.Principal(bearing("Bearer a~" + aliceToken + "x")); ok {
		t.Error("another token signs in")
	}
}

func TestATokenThatIsNotOneIsNotHashed(t *testing.T) {
	for _, token := range []string{"", "short", strings.Repeat("x", 1025), "with a space in the middle", "with-ümlauts-0123456789", "with-a-tab-\t-0123456789"} {
		if hash, err := product.HashToken(token); err == nil || hash != "" || token != "" && strings.Contains(err.Error(), token) {
			t.Errorf("%q: %q, %v", token, hash, err)
		}
	}
}
