package pages

// policies registers the pages of policies.
func (p *Pages) policies() {}

// policyNotices are what the forms of these pages have done.
var policyNotices = map[string]string{}
