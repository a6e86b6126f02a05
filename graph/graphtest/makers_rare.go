package graphtest

import (
	"slices"

	"github.com/tenantatlas/tenantbackup/graph"
)

// rareMakers are the types that tenants are filled with only when they are asked for, so that
// those which are not stay the same, byte for byte.
var rareMakers = map[graph.PolicyType]maker{
	"reusablePolicySetting":               {1, nil, reusableSetting},
	"hardwareConfiguration":               {1, assignedOnly, hardware},
	"policySet":                           {1, assignedOnly, policySet},
	"macCustomAttributeScript":            {1, assignedOnly, customAttribute},
	"windowsHelloForBusiness":             {1, nil, windowsHello},
	"coManagementAuthority":               {2, assignedOnly, coManagement},
	"appleUserInitiatedEnrollmentProfile": {1, assignedOnly, appleEnrollment},
	"intuneBrandingProfile":               {2, assignedOnly, branding},
	"windowsQualityUpdateProfile":         {1, assignedOnly, expeditedUpdate},
	"windowsQualityUpdatePolicy":          {1, assignedOnly, qualityUpdatePolicy},
	"deviceManagementSettings":            {1, nil, tenantSettings},
	"groupPolicyUploadedDefinitionFile":   {1, nil, uploadedADMX},
	"cloudPcProvisioningPolicy":           {1, assignedOnly, cloudPCs},
	"cloudPcUserSettings":                 {1, assignedOnly, cloudPCUsers},

	"termsAndConditions":                  {0, assignedOnly, terms},
	"authenticationContextClassReference": {0, nil, authenticationContext},
	"mobileAppCategory":                   {0, nil, appCategory},
}

// RareTypes returns the types, policies and foundations, that a tenant is filled with only
// when [TenantConfig.Types] names them. With those of [GeneratedTypes] they are every type of
// [graph.Catalog] that can be captured.
func RareTypes() []graph.PolicyType {
	types := make([]graph.PolicyType, 0, len(rareMakers))
	for t := range rareMakers {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}

// makerOf knows how to make the objects of a type; the zero maker has no build.
func makerOf(t graph.PolicyType) maker {
	if m, ok := makers[t]; ok {
		return m
	}
	return rareMakers[t]
}

// once tells whether a tenant has one object of a type.
func once(t graph.PolicyType) bool {
	return t == "windowsHelloForBusiness" || t == "deviceManagementSettings"
}

// separated divides types into policies and foundations.
func separated(types []graph.PolicyType) (policies, foundations []graph.PolicyType) {
	for _, t := range types {
		if makerOf(t).weight > 0 {
			policies = append(policies, t)
		} else {
			foundations = append(foundations, t)
		}
	}
	return policies, foundations
}
