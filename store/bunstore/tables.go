package bunstore

// blankRows returns an empty row of every table, in an order in which what is referred to
// comes before what refers to it.
func blankRows() []row {
	return []row{
		&migrationRow{}, &tallyRow{}, &scheduleRow{}, &runRow{}, &itemRow{}, &auditRow{}, &notificationRow{},
		&policyRow{}, &payloadRow{}, &versionRow{}, &setRow{}, &manifestRow{}, &holdRow{}, &setItemRow{},
	}
}

// tables returns the descriptions of all tables.
func tables() []*table {
	var list []*table
	for _, r := range blankRows() {
		list = append(list, r.table())
	}
	return list
}
