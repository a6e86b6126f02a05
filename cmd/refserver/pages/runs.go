package pages

// runs registers the pages of runs.
func (p *Pages) runs() {}

// runNotices are what the forms of these pages have done.
var runNotices = map[string]string{}
