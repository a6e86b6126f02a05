package pages

// auditLog registers the pages of the audit log.
func (p *Pages) auditLog() {}
