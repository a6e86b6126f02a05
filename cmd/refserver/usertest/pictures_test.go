package usertest

import (
	"flag"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "take the pictures of the README anew")

// maxPicture is the most bytes of a picture, which everybody fetches who fetches the module.
const maxPicture = 150_000

// pictureWidth is how wide each is, in pixels.
const pictureWidth = 1280

// readmePictures are the pages that the README shows.
var readmePictures = map[string]struct {
	height int64
	open   func(*tab)
}{
	"schedules": {560, func(b *tab) { b.visit(contoso + "/schedules") }},
	"schedule": {760, func(b *tab) {
		b.visit(contoso + "/schedules?q=nightly")
		b.press(".schedules tbody th a")
	}},
	"compare": {760, func(b *tab) {
		b.visit(contoso + "/sets")
		b.press("tbody th a")
		b.press(`a[href*="/compare"]`)
		eval[bool](b, `document.querySelector(".entry details").open = true`)
	}},
	"restore": {800, func(b *tab) {
		b.visit(contoso + "/restore")
		b.press(`tbody a[href*="/restore/previews/"]`)
		eval[bool](b, `document.querySelector(".entry details").open = true`)
	}},
}

// The README shows pages as they are: -update takes the pictures of a real server anew.
func TestTheREADMEShowsPictures(t *testing.T) {
	readme, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		b := start(t).open(t, wide)
		b.signIn("owner-contoso")
		for name, p := range readmePictures {
			b.do(chromedp.EmulateViewport(pictureWidth, p.height))
			p.open(b)
			picture, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(root, "docs", "images", name+".png")
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, p := range readmePictures {
		path := "docs/images/" + name + ".png"
		if !strings.Contains(string(readme), "]("+path+")") {
			t.Errorf("the README does not show %s", path)
		}
		info, err := os.Stat(filepath.Join(root, path))
		if err != nil {
			t.Errorf("%v: take it with -update", err)
		} else if info.Size() > maxPicture {
			t.Errorf("%s is %d bytes large", path, info.Size())
		} else if width, height := sizeOf(t, path); width != pictureWidth || int64(height) != p.height {
			t.Errorf("%s is %d by %d pixels, want %d by %d: take it with -update", path, width, height, pictureWidth, p.height)
		}
	}
}

func sizeOf(t *testing.T, path string) (width, height int) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c, err := png.DecodeConfig(file)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return c.Width, c.Height
}
