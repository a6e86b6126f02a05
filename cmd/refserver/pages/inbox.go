package pages

// inbox registers the pages of notifications.
func (p *Pages) inbox() {}
