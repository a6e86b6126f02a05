package usertest

import (
	"strconv"
	"testing"
)

// Every page that links lead to, full and empty, light and dark, narrow and wide: axe finds
// nothing, nothing is wider than the window, the console stays silent, and there are pictures.
func TestEveryPageIsAccessibleAndFits(t *testing.T) {
	needBrowser(t)
	full := start(t)
	empty := start(t, "-demo=false")
	for _, x := range []struct {
		name string
		server
	}{{"full", full}, {"empty", empty}} {
		pages := crawl(t, x.client(t, "owner-contoso"), "/backups/contoso/schedules")
		pages = append(pages, found{path: "/", name: "home"}, found{path: "/signin", name: "signin"})
		t.Logf("%s: %d pages", x.name, len(pages))
		for _, dark := range []bool{false, true} {
			scheme := "light"
			if dark {
				scheme = "dark"
			}
			t.Run(x.name+"/"+scheme, func(t *testing.T) {
				b := x.open(t, look{width: 1400, dark: dark})
				b.signIn("owner-contoso")
				for _, p := range pages {
					for _, width := range []int64{1400, 400} {
						b.look(look{width: width, dark: dark})
						if width == 1400 {
							b.visit(p.path)
							b.accessible()
						}
						if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > width {
							t.Errorf("%s: %d px wide in a window of %d", p.path, wide, width)
						}
						b.shoot(x.name + "/" + scheme + "-" + strconv.FormatInt(width, 10) + "/" + p.name)
					}
				}
			})
		}
	}
}
