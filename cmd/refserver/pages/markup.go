package pages

import (
	"fmt"
	"html"
	"html/template"
	"strings"
)

// What stands in every row of every list is written here and not by templates, which take ten times
// as long for it. Everything that comes from outside is escaped.

// iconShape is what an icon shows; the last one is for every other name.
func iconShape(name string) string {
	switch name {
	case "check":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M5 8.2l2.1 2.1L11 6.2"/>`
	case "half":
		return `<circle cx="8" cy="8" r="6.5"/><path class="fill" d="M8 1.5a6.5 6.5 0 0 1 0 13z"/>`
	case "cross":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M5.5 5.5l5 5m0-5l-5 5"/>`
	case "clock":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M8 4.5V8l2.5 1.5"/>`
	case "turn":
		return `<path d="M14 8a6 6 0 1 1-2-4.5M14 1.5V5h-3.5"/>`
	case "stop":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M3.5 12.5l9-9"/>`
	case "plus":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M8 5v6M5 8h6"/>`
	case "minus":
		return `<rect x="1.5" y="1.5" width="13" height="13" rx="2"/><path d="M5 8h6"/>`
	case "pencil":
		return `<path d="M2.5 13.5l.7-3L11 2.7l2.3 2.3-7.8 7.8z"/>`
	case "lock":
		return `<rect x="3" y="7" width="10" height="7" rx="1.5"/><path d="M5.2 7V5a2.8 2.8 0 0 1 5.6 0v2"/>`
	case "question":
		return `<circle cx="8" cy="8" r="6.5"/><path d="M6.2 6.3a1.9 1.9 0 1 1 2.5 1.9c-.5.2-.7.5-.7 1m0 2.2v.1"/>`
	}
	return `<circle cx="8" cy="8" r="6.5"/><path d="M5 8h6"/>`
}

// iconHTML is an icon.
func iconHTML(name string) template.HTML {
	return template.HTML(`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">` + iconShape(name) + `</svg>`)
}

// badgeHTML is a status: a word, an icon and a colour.
func badgeHTML(b badge) template.HTML {
	return template.HTML(`<span class="badge `+html.EscapeString(b.Tone)+`">`) + iconHTML(b.Icon) + template.HTML(html.EscapeString(b.Word)+`</span>`)
}

// bdiHTML is a name that people or Graph gave: what is written from right to left in it must not turn
// round the text beside it.
func bdiHTML(name string) template.HTML {
	return template.HTML(`<bdi>` + html.EscapeString(overruled.Replace(name)) + `</bdi>`)
}

// overruled shows the characters that turn whatever follows them round. Names of whole pages have
// them; those of rows have none any more.
var overruled = strings.NewReplacer("\u202a", `\u202a`, "\u202b", `\u202b`, "\u202c", `\u202c`, "\u202d", `\u202d`, "\u202e", `\u202e`)

// asShown tells whether a name was typed as it is, or as a page shows it.
func asShown(typed, name string) bool { return typed == name || typed == overruled.Replace(name) }

// isolated is the same where no element can be, as in the title of a page: between U+2068 and U+2069
// of https://www.unicode.org/reports/tr9/.
func isolated(name string) string { return "\u2068" + name + "\u2069" }

// titled is a name in the title of a page.
func titled(name string) string { return isolated(shortName(name)) }

// apart is a name among other words where no element can be, as in an option or a label. It is
// isolated only where it has to be, so that most texts have what they seem to have.
func apart(name string) string {
	name = shortName(name)
	if !strings.ContainsFunc(name, rightToLeft) {
		return name
	}
	return isolated(name)
}

// rightToLeft tells whether a character is of a script that is written so, by the ranges that
// https://www.unicode.org/Public/UCD/latest/ucd/extracted/DerivedBidiClass.txt reserves for them.
func rightToLeft(r rune) bool {
	return r >= 0x590 && r <= 0x8FF || r >= 0xFB1D && r <= 0xFDFF || r >= 0xFE70 && r <= 0xFEFF || r >= 0x10800 && r <= 0x10FFF || r >= 0x1E800 && r <= 0x1EFFF
}

// noneHTML stands for an instant that there is not.
const noneHTML = `<span class="none">–</span>`

// timeHTML is an instant with its zone.
func timeHTML(m moment) template.HTML {
	if m.Machine == "" {
		return noneHTML
	}
	var b strings.Builder
	b.WriteString(`<time datetime="`)
	b.WriteString(html.EscapeString(m.Machine))
	b.WriteString(`">`)
	b.WriteString(html.EscapeString(m.Text))
	b.WriteString(` <small>`)
	b.WriteString(html.EscapeString(m.Zone))
	b.WriteString(`</small></time>`)
	return template.HTML(b.String())
}

// awayHTML is how far an instant is, with the instant as its title.
func awayHTML(m moment) template.HTML {
	if m.Machine == "" {
		return noneHTML
	}
	return template.HTML(`<time datetime="` + html.EscapeString(m.Machine) + `" title="` + html.EscapeString(m.Text+" "+m.Zone) + `">` +
		html.EscapeString(m.Away) + `</time>`)
}

// Strip is the history of a schedule, a cell for each day.
func (s *screen) Strip(days []historyDay) template.HTML {
	var b strings.Builder
	for _, d := range days {
		title := html.EscapeString(d.Title)
		b.WriteString(`<li>`)
		if d.Run != "" {
			b.WriteString(`<a href="` + html.EscapeString(s.visit.path("runs", string(d.Run))) + `" aria-label="` + title + `" title="` + title + `">`)
		} else {
			b.WriteString(`<span role="img" aria-label="` + title + `" title="` + title + `">`)
		}
		b.WriteString(`<svg class="cell ` + d.Tone() + `" viewBox="0 0 24 24" aria-hidden="true"><rect x="1" y="1" width="22" height="22" rx="4"/><text x="12" y="16.5" text-anchor="middle">` + d.Mark() + `</text>`)
		if d.Also != "" {
			b.WriteString(`<path class="also ` + statusOf(d.Also).Tone + `" d="M14 1h5a4 4 0 0 1 4 4v5z"/>`)
		}
		b.WriteString(`</svg>`)
		if d.Run != "" {
			b.WriteString(`</a>`)
		} else {
			b.WriteString(`</span>`)
		}
		b.WriteString(`<small aria-hidden="true">`)
		if d.First {
			b.WriteString(html.EscapeString(d.Day))
		}
		b.WriteString("</small></li>\n")
	}
	return template.HTML(b.String())
}

// barsHTML are the bars of durations.
func barsHTML(bars []durationBar) template.HTML {
	var b strings.Builder
	for _, bar := range bars {
		fmt.Fprintf(&b, `<rect class="bar %s" x="%d" y="%d" width="14" height="%d" rx="2"><title>%s</title></rect>`, bar.Tone, bar.X, bar.Y, bar.Height, html.EscapeString(bar.Title))
	}
	return template.HTML(b.String())
}
