package graph

// enrollmentTypes decide how devices come into a tenant.
func enrollmentTypes() []TypeInfo {
	return []TypeInfo{
		{
			Key: "enrollmentRestriction", DisplayName: "Enrollment restrictions", Platform: "all",
			Path: pathEnrollment, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "The default restriction (priority 0) always exists: it is changed, never created or deleted. Others are created in ascending priority.",
		},
		{
			Key: "windowsEnrollmentStatusPage", DisplayName: "Enrollment status page", Platform: "windows",
			Path: pathEnrollment, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "The default page (priority 0) is changed, never created.",
		},
		{
			Key: "windowsHelloForBusiness", DisplayName: "Windows Hello for Business (enrollment)", Platform: "windows",
			Path: pathEnrollment, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "One default object per tenant, which is changed and never created.",
		},
		{
			Key: "coManagementAuthority", DisplayName: "Co-management settings", Platform: "windows",
			Path: pathEnrollment, Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "The default object is changed, never created.",
		},
		{
			Key: "windowsAutopilotDeploymentProfile", DisplayName: "Autopilot deployment profiles", Platform: "windows",
			Path: "/deviceManagement/windowsAutopilotDeploymentProfiles", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "Assignments are made one by one.",
		},
		{
			Key: "appleUserInitiatedEnrollmentProfile", DisplayName: "Apple enrollment types", Platform: "ios",
			Path: "/deviceManagement/appleUserInitiatedEnrollmentProfiles", Version: beta, NameProperty: "displayName",
			Support: Restorable, RestoreOrder: orderDefault,
			Note: "The platform of a profile is fixed once it exists.",
		},
	}
}
