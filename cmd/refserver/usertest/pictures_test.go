package usertest

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"math"
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
		b.visit(contoso + "/schedules?q=nightly")
		b.press(".schedules tbody th a")
		b.press(`a[href*="/sets/"]`)
		b.press(`a[href*="/compare"]`)
		eval[bool](b, `document.querySelector(".entry details").open = true`)
	}},
	"restore": {800, func(b *tab) {
		b.visit(contoso + "/restore")
		b.press(`tbody a[href*="/restore/previews/"]`)
		eval[bool](b, `document.querySelector(".entry details").open = true`)
	}},
}

// The README shows pages as they are: a real server's pages look like the pictures, which -update
// takes anew.
func TestTheREADMEShowsPicturesOfThePages(t *testing.T) {
	readme, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	b := start(t).open(t, wide)
	b.signIn("owner-contoso")
	for name, p := range readmePictures {
		b.do(chromedp.EmulateViewport(pictureWidth, p.height))
		p.open(b)
		taken, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			t.Fatal(err)
		}
		path := "docs/images/" + name + ".png"
		file := filepath.Join(root, path)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, taken, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if !strings.Contains(string(readme), "]("+path+")") {
			t.Errorf("the README does not show %s", path)
		}
		shown, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("%v: take it with -update", err)
		}
		if len(shown) > maxPicture {
			t.Errorf("%s is %d bytes large", path, len(shown))
		}
		if why := differs(decoded(t, shown), decoded(t, taken)); why != "" {
			t.Errorf("%s is not what the page looks like now: %s. Take it with -update", path, why)
		}
	}
}

func decoded(t *testing.T, picture []byte) image.Image {
	t.Helper()
	p, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The grid by which pictures are compared, and how many of its cells may differ by how much of 255
// in a colour. Of a page that is taken again on another day of the same season, with other times in
// it, up to 9 of the 160 cells differ by 8; of two pages that the README shows, 39 at least.
const (
	gridWide, gridHigh    = 16, 10
	cellDiffers, cellsMay = 8, 24
)

// differs says why two pictures do not show the same page, "" when they do. Fonts, times and a
// few words more or less make little of the mean colour of a cell.
func differs(a, b image.Image) string {
	if a.Bounds().Size() != b.Bounds().Size() {
		return fmt.Sprintf("it has %v pixels, not %v", a.Bounds().Size(), b.Bounds().Size())
	}
	other, cells := means(b), 0
	for i, mean := range means(a) {
		for c := range mean {
			if math.Abs(mean[c]-other[i][c]) > cellDiffers {
				cells++
				break
			}
		}
	}
	if cells > cellsMay {
		return fmt.Sprintf("%d of %d parts differ", cells, gridWide*gridHigh)
	}
	return ""
}

// means are the mean colours of the cells.
func means(p image.Image) (cells [gridWide * gridHigh][3]float64) {
	var count [gridWide * gridHigh]float64
	area := p.Bounds()
	for y := range area.Dy() {
		for x := range area.Dx() {
			r, g, b, _ := p.At(area.Min.X+x, area.Min.Y+y).RGBA()
			i := y*gridHigh/area.Dy()*gridWide + x*gridWide/area.Dx()
			count[i]++
			for c, v := range [3]uint32{r, g, b} {
				cells[i][c] += float64(v >> 8)
			}
		}
	}
	for i := range cells {
		for c := range cells[i] {
			cells[i][c] /= count[i]
		}
	}
	return cells
}

func TestAPictureOfAnotherPageOrOfNothingIsNoticed(t *testing.T) {
	pictures := map[string]image.Image{}
	for name := range readmePictures {
		raw, err := os.ReadFile(filepath.Join(root, "docs", "images", name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		pictures[name] = decoded(t, raw)
	}
	for name, p := range pictures {
		size := p.Bounds()
		white, moved := image.NewRGBA(size), image.NewRGBA(size)
		draw.Draw(white, size, image.White, image.Point{}, draw.Src)
		draw.Draw(moved, size, p, image.Pt(1, 1), draw.Src)
		draw.Draw(moved, image.Rect(600, 300, 700, 320), image.Black, image.Point{}, draw.Src) // a few words
		if why := differs(p, moved); why != "" {
			t.Errorf("%s and itself with other words: %s", name, why)
		}
		if differs(p, white) == "" {
			t.Errorf("%s is like nothing at all", name)
		}
		for other, q := range pictures {
			fitted := image.NewRGBA(size)
			draw.Draw(fitted, size, q, q.Bounds().Min, draw.Src)
			if other != name && differs(p, fitted) == "" {
				t.Errorf("%s is like %s", name, other)
			}
		}
	}
}
