package pages

import (
	"math"
	"regexp"
	"strconv"
	"testing"
)

// What is written on a coloured ground can be read, also a link in a notice that a demo of today
// happens not to show: 4.5:1 at least, as WCAG 2.2 wants (1.4.3).
func TestWhatIsWrittenOnColoursCanBeRead(t *testing.T) {
	themes := regexp.MustCompile(`(?s)--good:.*?\}`)
	colours := regexp.MustCompile(`--([a-z-]+): ?(#[0-9a-f]{6})`)
	own, err := staticFiles.ReadFile("static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	pico, err := staticFiles.ReadFile("static/pico.min.css")
	if err != nil {
		t.Fatal(err)
	}
	found := themes.FindAll(own, -1)
	if len(found) != 2 {
		t.Fatalf("app.css has the colours of %d themes, not of a light and a dark one", len(found))
	}
	for i, theme := range []string{"light", "dark"} {
		written := map[string]string{}
		for _, name := range []string{"color", "primary"} {
			m := regexp.MustCompile(`--pico-`+name+`:(#[0-9a-f]{6})`).FindAllSubmatch(pico, -1)
			if len(m) < 2 {
				t.Fatalf("Pico names its --pico-%s otherwise", name)
			}
			written["--pico-"+name] = string(m[i][1])
		}
		of := map[string]string{}
		for _, m := range colours.FindAllSubmatch(found[i], -1) {
			of[string(m[1])] = string(m[2])
		}
		written["--calm"] = of["calm"]
		for _, ground := range []string{"good", "warn", "bad", "busy", "calm", "added", "removed"} {
			bg := of[ground+"-bg"]
			if bg == "" {
				t.Errorf("%s has no --%s-bg", theme, ground)
				continue
			}
			on := map[string]string{"--" + ground: of[ground]}
			for name, colour := range written {
				on[name] = colour
			}
			for name, colour := range on {
				if colour == "" {
					continue // added and removed have none of their own
				}
				if c := contrast(t, colour, bg); c < 4.5 {
					t.Errorf("%s: %s %s on --%s-bg %s has %.2f:1", theme, name, colour, ground, bg, c)
				}
			}
		}
	}
}

// contrast is WCAG's contrast ratio of two colours.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is WCAG's relative luminance of #rrggbb.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(colour[1:], 16, 32)
	if err != nil {
		t.Fatalf("%q: %v", colour, err)
	}
	part := func(shift int) float64 {
		c := float64(n>>shift&0xff) / 255
		if c <= 0.04045 {
			return c / 12.92
		}
		return math.Pow((c+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0)
}
