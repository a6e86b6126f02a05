package redact

import (
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// embed puts the canary into a variant and a context around it.
func embed(before, variant, after string) string {
	return before + strings.ReplaceAll(variant, "CANARY", canary) + after
}

// check fails when text breaks a promise that holds for every input.
func check(t interface {
	Helper()
	Errorf(string, ...any)
}, input, got string) {
	t.Helper()
	if n := utf8.RuneCountInString(got); n > MaxRunes {
		t.Errorf("%d characters, want at most %d\ninput: %q", n, MaxRunes, input)
	}
	if !utf8.ValidString(got) {
		t.Errorf("not valid UTF-8: %q\ninput: %q", got, input)
	}
	if i := strings.IndexFunc(got, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) }); i >= 0 {
		t.Errorf("control character at %d: %q\ninput: %q", i, got, input)
	}
	if again := Text(got); again != got {
		t.Errorf("redacting twice changes the text\nonce:  %q\ntwice: %q\ninput: %q", got, again, input)
	}
}

func TestEveryWayToWriteASecretIsMasked(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			input := embed("capture failed: ", v.text, "")
			got := Text(input)
			if strings.Contains(got, canary) || !strings.Contains(got, Mask) {
				t.Errorf("Text(%q) = %q", input, got)
			}
			if !strings.HasPrefix(got, "capture failed: ") {
				t.Errorf("the text before the secret is gone: %q", got)
			}
			check(t, input, got)
		})
	}
}

func TestNoRuleIsWithoutAVariant(t *testing.T) {
	for i, r := range rules {
		others := slices.Concat(rules[:i], rules[i+1:])
		if !slices.ContainsFunc(variants, func(v struct{ name, text string }) bool {
			input := clean(embed("", v.text, ""))
			return strings.Contains(mask(input, apply(others, input)), canary)
		}) {
			t.Errorf("every variant is masked without the rule %q too", r.name)
		}
	}
}

func TestWhatPeopleNeedStays(t *testing.T) {
	for _, s := range kept {
		if got := Text(s); got != s {
			t.Errorf("Text changed\n %q to\n %q", s, got)
		}
	}
}

func TestWhatStandsAroundASecretStays(t *testing.T) {
	for _, c := range []struct{ input, want string }{
		{`client_secret=CANARY&scope=x`, `client_secret=[redacted]&scope=x`},
		{`{"password":"CANARY","next":"value"}`, `{"password":"[redacted]","next":"value"}`},
		{`{"password":12345,"next":"value"}`, `{"password":[redacted],"next":"value"}`},
		{`{"tokens":["CANARY",["]"]],"next":"value"}`, `{"tokens":[redacted],"next":"value"}`},
		{`{\"password\":\"CANARY\",\"next\":\"value\"}`, `{\"password\":\"[redacted]\",\"next\":\"value\"}`},
		{`{"password":"","next":"value"}`, `{"password":"","next":"value"}`},
		{`GET https://app:CANARY@host.example/path?sig=CANARY&x=1`, `GET https://[redacted]@host.example/path?sig=[redacted]&x=1`},
		{`GET /users/CANARY@contoso.com/messages`, `GET /users/[redacted]/messages`},
		{`Authorization: Bearer CANARY, status 401`, `Authorization: Bearer [redacted], status 401`},
		{"key -----BEGIN A KEY-----\nCANARY\n-----END A KEY----- end", "key [redacted] end"},
		{`a eyJ0eXAiOiJKV1QifQ.e30.CANARY b`, `a [redacted] b`},
	} {
		if got := Text(embed("", c.input, "")); got != c.want {
			t.Errorf("Text(%s)\n got %s\nwant %s", c.input, got, c.want)
		}
	}
}

func TestNestedErrorOfIntune(t *testing.T) {
	input := embed("", intuneError, "")
	places := secrets(clean(input)) // before cutting, so that the whole text counts
	got := mask(clean(input), places)
	for _, gone := range []string{canary, "scaleunit0202", "4711-account", "adele@contoso.com"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is still there: %s", gone, got)
		}
	}
	for _, stays := range []string{
		"BadRequest", "The value of passwordMinimumLength is not valid.",
		"Activity ID: 5b2a3c4d-1e2f-4a5b-8c6d-7e8f9a0b1c2d", "ErrorSourceService",
		"0b1c2d3e-4f50-4162-8374-95a6b7c8d9e0", "2026-01-05T04:22:13",
	} {
		if !strings.Contains(got, stays) {
			t.Errorf("%q is gone: %s", stays, got)
		}
	}
	check(t, input, Text(input))
}

func TestControlCharactersAreRemovedBeforeSecretsAreSought(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"line breaks and tabs", "one\r\n\ttwo\n", "one two"},
		{"line separators", "one\u2028two\u0085three", "one two three"},
		{"terminal colours", "a\x1b[31mb", "a[31mb"},
		{"zero byte", "a\x00b", "ab"},
		{"invalid UTF-8", "a\xff\xc3b", "ab"},
		{"the replacement character itself", "a\uFFFDb", "a\uFFFDb"},
		{"a name cut in two by a zero-width space", "pass\u200bword=" + canary, "password=" + Mask},
		{"a name cut in two by an invalid byte", "pass\xffword=" + canary, "password=" + Mask},
		{"text written from right to left", "a\u202eb", "ab"},
	} {
		if got := Text(c.input); got != c.want {
			t.Errorf("%s: Text(%q) = %q, want %q", c.name, c.input, got, c.want)
		}
	}
}

func TestLongTextsAreCutAfterRedaction(t *testing.T) {
	for _, c := range []struct{ name, input, want string }{
		{"exactly as long as allowed", strings.Repeat("ä", 500), strings.Repeat("ä", 500)},
		{"one longer", strings.Repeat("ä", 501), strings.Repeat("ä", 499) + "…"},
		{"the secret across the cut", strings.Repeat("x ", 245) + "password=" + canary, strings.Repeat("x ", 245) + "password=…"},
		{"a secret without a name across the cut", strings.Repeat("x ", 246) + "eyJhbGciOi" + canary, strings.Repeat("x ", 246) + "…"},
		{"the quote before a masked value across the cut", strings.Repeat("x ", 244) + `\"pwd\":\\\"` + canary + `\\\"`, strings.Repeat("x ", 244) + `\"pwd\":…`},
		{"the mask fits exactly", strings.Repeat("x ", 240) + "password=" + canary + " y", strings.Repeat("x ", 240) + "password=" + Mask + "…"},
		{"the mask is the end", strings.Repeat("x ", 240) + "ypassword=" + canary, strings.Repeat("x ", 240) + "ypassword=" + Mask},
	} {
		got := Text(c.input)
		if got != c.want {
			t.Errorf("%s: got  %q\nwant %q", c.name, got, c.want)
		}
		check(t, c.input, got)
	}
}

func TestASecretAtTheEndOfWhatIsLookedAtDoesNotShow(t *testing.T) {
	for _, v := range variants {
		for size := range len(embed("", v.text, "")) {
			if got := text(embed("x ", v.text, " and so on"), size); strings.Contains(got, canary[:12]) {
				t.Errorf("%s, looked at %d bytes: %q", v.name, size, got)
			}
		}
	}
	if got := Text(strings.Repeat("Q", 2*window)); got != Mask {
		t.Errorf("a long run without a blank: %q, want %q", got, Mask)
	}
	if got := Text("failed: " + strings.Repeat("Q", 2*window)); got != "failed:" {
		t.Errorf("a long run without a blank: %q, want what stands before it", got)
	}
}

// around draws text that may stand before or behind a secret: noise, pieces of other
// secrets, quotes and brackets that are never closed.
func around(t *rapid.T, label string) string {
	piece := rapid.OneOf(
		rapid.StringN(0, 20, -1),
		rapid.SampledFrom([]string{
			`"`, `\"`, `'`, `{`, `[`, `\`, ` `, `,`, `}`, `=`, `:`, `&`, `@`, `://`, "\n", "\x00", "\xff", "\u200b", "…", Mask,
			`"password":"`, `"tokens":[`, `token=`, `\"secret\":\"`, `Bearer `, `Basic `, `eyJ`, `?sig=`, `&code=`, `-----BEGIN X-----`,
			`-----END X-----`, `https://a:`, `a@b.de`, `%22`, `&quot;`, `\u0022`, `secret`, `{"name":"password","value":`,
		}),
	)
	return strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, label), "")
}

func TestNothingAroundASecretHidesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SampledFrom(variants).Draw(t, "variant")
		input := embed(around(t, "before"), v.text, around(t, "after"))
		got := Text(input)
		if strings.Contains(got, canary) {
			t.Errorf("%s: %q\ninput: %q", v.name, got, input)
		}
		check(t, input, got)
	})
}

func FuzzText(f *testing.F) {
	for i := range variants {
		f.Add("before ", i, " after")
	}
	f.Add(intuneError, 0, strings.Repeat(" x", 300))
	f.Fuzz(func(t *testing.T, before string, variant int, after string) {
		v := variants[uint(variant)%uint(len(variants))]
		input := embed(before, v.text, after)
		got := Text(input)
		if strings.Contains(got, canary) {
			t.Errorf("%s: %q\ninput: %q", v.name, got, input)
		}
		check(t, input, got)
	})
}

func BenchmarkText(b *testing.B) {
	for _, c := range []struct{ name, text string }{
		{"plain", kept[0]},
		{"intune", embed("", intuneError, "")},
		{"16KiB", strings.Repeat(intuneError, 30)[:window]},
		{"16KiB hostile", strings.Repeat(`"token":[`, window/9)},
		{"1MiB", strings.Repeat("no secret in here. ", 55000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.text)))
			for b.Loop() {
				Text(c.text)
			}
		})
	}
}
