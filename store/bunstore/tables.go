package bunstore

import "slices"

// blankRows returns an empty row of every table, in an order in which what is referred to
// comes before what refers to it.
func blankRows(d sqlDialect) []row {
	return slices.Concat([]row{
		&migrationRow{}, &tallyRow{}, &scheduleRow{}, &runRow{}, &itemRow{}, &auditRow{}, &notificationRow{},
		&policyRow{}, &payloadRow{}, &versionRow{}, &setRow{}, &manifestRow{}, &holdRow{}, &setItemRow{},
		&previewRow{}, &previewItemRow{}, &stepRow{}, &uploadRow{}, &chunkRow{},
	}, d.ownRows())
}

// tables returns the descriptions of all tables.
func tables(d sqlDialect) []*table {
	var list []*table
	for _, r := range blankRows(d) {
		list = append(list, r.table())
	}
	return list
}
