package pages

// settings registers the pages of the settings and the permissions of the app.
func (p *Pages) settings() {}

// settingsNotices are what the forms of these pages have done.
var settingsNotices = map[string]string{}
