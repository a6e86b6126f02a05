package usertest

import (
	"image"
	_ "image/jpeg" // that pictures are
	"os"
	"path/filepath"
	"testing"
)

// The pictures that -screenshots asks for are whole pages as wide as the window, with something on
// them.
func TestAPictureShowsThePage(t *testing.T) {
	t.Parallel()
	needBrowser(t)
	b := start(t, "-demo=false").open(t, look{width: 400})
	b.visit("/signin")
	path := filepath.Join(t.TempDir(), "light-400", "signin.jpg")
	b.keepPicture(path)
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	picture, _, err := image.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	size, page := picture.Bounds().Size(), eval[int](b, `document.documentElement.scrollHeight`)
	if size.X != 400 || size.Y != page {
		t.Errorf("the picture is %v of a page that is 400 wide and %d high", size, page)
	}
	colors := map[[3]uint32]int{}
	for y := range size.Y {
		for x := range size.X {
			r, g, b, _ := picture.At(x, y).RGBA()
			colors[[3]uint32{r >> 12, g >> 12, b >> 12}]++
		}
	}
	most := 0
	for _, n := range colors {
		most = max(most, n)
	}
	if len(colors) < 5 || most > size.X*size.Y*99/100 {
		t.Errorf("the picture has %d colours, and one has %d of its %d pixels", len(colors), most, size.X*size.Y)
	}
}
