package pages

// sets registers the pages of backup sets.
func (p *Pages) sets() {}

// setNotices are what the forms of these pages have done.
var setNotices = map[string]string{}
