package pages

// restores registers the pages of the restore wizard.
func (p *Pages) restores() {
	p.comparisons()
}

// restoreNotices are what the forms of these pages have done.
var restoreNotices = map[string]string{}
