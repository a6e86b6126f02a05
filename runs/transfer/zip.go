package transfer

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// archive reads the JSON files of a zip that nobody vouches for.
type archive struct {
	files  map[string]*zip.File // by their cleaned names; noise and folders are not among them
	names  []string             // sorted
	limits Limits
	read   int64 // bytes expanded so far
}

// openArchive looks at the directory of a zip and at nothing else. An error is an [unusable],
// or that of r.
func openArchive(r io.ReaderAt, size int64, l Limits) (*archive, error) {
	if err := checkDirectory(r, size, l); err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	var below *storeError
	switch {
	case errors.As(err, &below):
		return nil, err
	case err != nil:
		return nil, refuse("it is not a sound zip")
	}
	a := &archive{files: map[string]*zip.File{}, limits: l}
	seen := map[string]bool{}
	for _, f := range z.File {
		name, err := a.check(f)
		if err != nil {
			return nil, err
		}
		fold := strings.ToLower(name)
		if seen[fold] {
			return nil, refuse("entry %.100q is there twice, or differs from another in letter case only", name)
		}
		seen[fold] = true
		if !noise(name) && !strings.HasSuffix(name, "/") {
			a.files[name] = f
			a.names = append(a.names, name)
		}
	}
	a.unwrap()
	slices.Sort(a.names)
	return a, nil
}

// check refuses an entry that no tool makes of a folder with exports.
func (a *archive) check(f *zip.File) (name string, err error) {
	if name, err = cleanName(f); err != nil {
		return name, err
	}
	switch mode := f.Mode(); {
	case mode&fs.ModeType&^fs.ModeDir != 0:
		return name, refuse("entry %.100q is a link or a special file", name)
	case strings.HasSuffix(name, "/") && (f.UncompressedSize64 > 0 || f.CompressedSize64 > 2): // nothing, deflated, is two bytes
		return name, refuse("entry %.100q is a folder with content", name)
	case f.Flags&(1|1<<6|1<<13) != 0:
		return name, refuse("entry %.100q is encrypted", name)
	case isJSON(name) && f.Method != zip.Store && f.Method != zip.Deflate:
		return name, refuse("entry %.100q is compressed in a way that is not known", name)
	}
	return name, nil
}

// maxName bounds the name of an entry, in bytes.
const maxName = 512

// cleanName returns the name of an entry with slashes, or refuses it. Windows writes
// backslashes, and names in a code page of its own, of which every byte is taken as one
// character: they only serve to tell files apart.
func cleanName(f *zip.File) (string, error) {
	name := f.Name
	if !utf8.ValidString(name) {
		if f.Flags&(1<<11) != 0 {
			return "", refuse("the name of an entry is not the UTF-8 that it says it is")
		}
		latin := make([]rune, 0, len(name))
		for _, b := range []byte(name) {
			latin = append(latin, rune(b))
		}
		name = string(latin)
	}
	name = strings.ReplaceAll(name, `\`, "/")
	plain := strings.TrimSuffix(name, "/")
	drive := len(plain) >= 2 && plain[1] == ':'
	switch {
	case plain == "" || len(name) > maxName:
		return "", refuse("an entry has no name, or one of more than %d bytes", maxName)
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", refuse("the name of entry %.100q has control characters", name)
	case strings.HasPrefix(plain, "/") || drive || path.Clean(plain) != plain || plain == ".." || strings.HasPrefix(plain, "../") || plain == ".":
		return "", refuse("the name of entry %.100q leads out of the archive", name)
	}
	return name, nil
}

// noise tells whether an entry is what systems leave in archives and folders by themselves.
func noise(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".") || strings.HasPrefix(name, "__MACOSX/") || strings.Contains(name, "/__MACOSX/") ||
		strings.EqualFold(base, "thumbs.db") || strings.EqualFold(base, "desktop.ini")
}

// unwrap takes away a folder that everything is in: so zips are made of folders.
func (a *archive) unwrap() {
	for len(a.names) > 0 {
		top, _, inside := strings.Cut(a.names[0], "/")
		if !inside || knownFolder(top) || slices.ContainsFunc(a.names, func(n string) bool { return !strings.HasPrefix(n, top+"/") }) {
			return
		}
		files := make(map[string]*zip.File, len(a.files))
		for i, name := range a.names {
			a.names[i] = strings.TrimPrefix(name, top+"/")
			files[a.names[i]] = a.files[name]
		}
		a.files = files
	}
}

// content expands one entry. The error is errEntry, an [unusable], or that of the reader
// below.
func (a *archive) content(name string) ([]byte, error) {
	f := a.files[name]
	if f == nil {
		return nil, refuse("entry %.100q is missing", name)
	}
	limit := min(a.limits.EntrySize, a.limits.TotalSize-a.read)
	packed := max(int64(min(f.CompressedSize64, 1<<40)), 1)
	limit = min(limit, max(packed*a.limits.Ratio, ratioFrom))
	if f.UncompressedSize64 > uint64(limit) {
		return nil, tooLarge(name)
	}
	in, err := f.Open()
	if err != nil {
		return nil, entryError(err)
	}
	defer in.Close()
	out := bytes.NewBuffer(make([]byte, 0, int(f.UncompressedSize64)+bytes.MinRead))
	n, err := out.ReadFrom(io.LimitReader(in, limit+1))
	a.read += n
	switch {
	case n > limit:
		return nil, tooLarge(name)
	case err != nil:
		return nil, entryError(err)
	}
	return out.Bytes(), nil
}

func tooLarge(name string) error {
	return refuse("entry %.100q expands to more than an import takes", name)
}

// entryError keeps the errors of the reader below, which say nothing of the entry.
func entryError(err error) error {
	var below *storeError
	if errors.As(err, &below) {
		return err
	}
	return errEntry
}

const (
	endSize, endSignature = 22, 0x06054b50
	headSize, headSignal  = 46, 0x02014b50
	maxComment            = 1<<16 - 1
	maxTexts              = 2048 // archive/zip keeps them all in memory
)

// checkDirectory counts the entries of a zip's directory, because archive/zip reads all of a
// directory before anybody can say that it is too large. Whatever could be read in two ways
// (something before or behind the archive, the 64-bit form, a directory that does not end
// where it says) is refused. The layout is that of PKWARE's APPNOTE, 4.3.12 and 4.3.16.
func checkDirectory(r io.ReaderAt, size int64, l Limits) error {
	tail := make([]byte, min(size, endSize+maxComment))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	at := bytes.LastIndex(tail, binary.LittleEndian.AppendUint32(nil, endSignature))
	if at < 0 || len(tail)-at < endSize {
		return refuse("it is not a zip, or the end of it is missing")
	}
	end := tail[at:]
	u16 := func(b []byte, i int) int64 { return int64(binary.LittleEndian.Uint16(b[i:])) }
	u32 := func(b []byte, i int) int64 { return int64(binary.LittleEndian.Uint32(b[i:])) }
	entries, length, offset := u16(end, 10), u32(end, 12), u32(end, 16)
	switch {
	case endSize+u16(end, 20) != int64(len(end)), u16(end, 4) != 0, u16(end, 6) != 0, u16(end, 8) != entries:
		return refuse("it is not a sound zip: its end is damaged, or it is one of several parts")
	case entries == 1<<16-1, length == 1<<32-1, offset == 1<<32-1, entries > int64(l.Entries):
		return refuse("it has more than %d entries", l.Entries)
	case offset+length != size-int64(len(end)):
		return refuse("it is not a sound zip: its directory is not where it should be")
	}
	dir := &directory{r: io.NewSectionReader(r, offset, length)}
	for range entries {
		if err := dir.skip(); err != nil {
			return err
		}
	}
	if dir.pos != length {
		return refuse("it is not a sound zip: its directory has other entries than it says")
	}
	return nil
}

// directory walks over the heads of a zip's entries.
type directory struct {
	r   *io.SectionReader
	pos int64
}

func (d *directory) skip() error {
	var head [headSize]byte
	if _, err := d.r.ReadAt(head[:], d.pos); err == io.EOF {
		return refuse("it is not a sound zip: its directory is cut off")
	} else if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(head[:]) != headSignal {
		return refuse("it is not a sound zip: its directory is damaged")
	}
	texts := int64(0)
	for _, i := range []int{28, 30, 32} { // name, extra fields, comment
		texts += int64(binary.LittleEndian.Uint16(head[i:]))
	}
	if texts > maxTexts {
		return refuse("an entry of it has a name, extra fields and a comment of more than %d bytes", maxTexts)
	}
	d.pos += headSize + texts
	return nil
}

// storeError is a failure to read the upload itself: it says nothing of the file.
type storeError struct{ err error }

func (e *storeError) Error() string { return fmt.Sprintf("transfer: reading the upload: %v", e.err) }
func (e *storeError) Unwrap() error { return e.err }
