package bunstore

// RowSecurity is not there yet.
type RowSecurity struct{}

func (r *RowSecurity) settings(scope) string { return "" }
