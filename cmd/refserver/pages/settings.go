package pages

// settings registers the pages of the settings and the permissions of the app.
func (p *Pages) settings() {}
