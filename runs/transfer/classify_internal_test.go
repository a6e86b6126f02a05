package transfer

import (
	"strings"
	"testing"

	"github.com/tenantatlas/tenantbackup/graph"
)

func TestAnObjectIsToldByItsContextThenItsTypeThenItsFolder(t *testing.T) {
	const at = "https://graph.microsoft.com/beta/$metadata#"
	k := newClassifier(graph.Catalog)
	for name, tt := range map[string]struct {
		context, odataType, file string
		want                     graph.PolicyType
	}{
		"a collection":                  {at + "deviceManagement/configurationPolicies/$entity", "", "x.json", "settingsCatalogPolicy"},
		"with what was expanded":        {at + "deviceManagement/configurationPolicies(assignments(),settings())/$entity", "", "x.json", "settingsCatalogPolicy"},
		"with a cast":                   {at + "deviceManagement/deviceCompliancePolicies/microsoft.graph.iosCompliancePolicy/$entity", "", "x.json", "deviceCompliancePolicy"},
		"in another case":               {strings.ToUpper(at[:8]) + "x/$metadata#devicemanagement/INTENTS/$entity", "", "x.json", "endpointSecurityIntent"},
		"typed app protection":          {at + "deviceAppManagement/iosManagedAppProtections(assignments(),apps())/$entity", "#microsoft.graph.iosManagedAppProtection", "x.json", "appProtectionPolicy"},
		"a shared one, plain":           {at + "deviceManagement/deviceConfigurations/$entity", "#microsoft.graph.windows10GeneralConfiguration", "x.json", "deviceConfiguration"},
		"a shared one, a ring":          {at + "deviceManagement/deviceConfigurations/$entity", "#microsoft.graph.iosUpdateConfiguration", "x.json", "softwareUpdateRing"},
		"a shared one, Hello":           {at + "deviceManagement/deviceEnrollmentConfigurations/$entity", "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration", "x.json", "windowsHelloForBusiness"},
		"a shared one, co-management":   {at + "deviceManagement/deviceEnrollmentConfigurations/$entity", "#microsoft.graph.deviceComanagementAuthorityConfiguration", "x.json", "coManagementAuthority"},
		"a shared one, of no type":      {at + "deviceManagement/deviceEnrollmentConfigurations/$entity", "#microsoft.graph.deviceEnrollmentNotificationConfiguration", "x.json", ""},
		"managed apps, configuration":   {at + "deviceAppManagement/managedAppPolicies/$entity", "#microsoft.graph.targetedManagedAppConfiguration", "x.json", "targetedManagedAppConfiguration"},
		"managed apps, anything else":   {at + "deviceAppManagement/managedAppPolicies/$entity", "#microsoft.graph.somethingNew", "x.json", "appProtectionPolicy"},
		"the context before the type":   {at + "deviceManagement/deviceCompliancePolicies/$entity", "#microsoft.graph.conditionalAccessPolicy", "x.json", "deviceCompliancePolicy"},
		"another collection, the type":  {at + "somewhere/else/$entity", "#microsoft.graph.conditionalAccessPolicy", "x.json", "conditionalAccessPolicy"},
		"another collection":            {at + "deviceManagement/managementConditions/$entity", "#microsoft.graph.networkManagementCondition", "SettingsCatalog/x.json", ""},
		"a part of an object":           {at + "deviceManagement/roleScopeTags('1')/assignments/$entity", "", "ScopeTags/x.json", ""},
		"what is not captured":          {at + "groups/$entity", "#microsoft.graph.group", "x.json", ""},
		"the type":                      {"", "#microsoft.graph.countryNamedLocation", "SettingsCatalog/x.json", "namedLocation"},
		"the folder of a tool":          {"", "", "Export/SettingsCatalog/x.json", "settingsCatalogPolicy"},
		"the folder, with another type": {"", "#microsoft.graph.windows10GeneralConfiguration", "DeviceConfiguration/x.json", "deviceConfiguration"},
		"the folder of a policy type":   {"", "", "softwareUpdateRing/x.json", "softwareUpdateRing"},
		"nothing":                       {"", "", "x.json", ""},
	} {
		got, ok := k.classify(tt.context, tt.odataType, tt.file)
		if ok != (tt.want != "") || ok && got != tt.want {
			t.Errorf("%s: %q, %v; want %q", name, got, ok, tt.want)
		}
	}
}

// A name that no type has would send files nowhere.
func TestEveryNameLeadsToATypeOfTheCatalogue(t *testing.T) {
	k := newClassifier(graph.Catalog)
	for _, table := range []map[string]graph.PolicyType{byODataType, byFolder} {
		for name, key := range table {
			if _, ok := k.capturable(key); !ok || name != strings.ToLower(name) {
				t.Errorf("%q leads to %q", name, key)
			}
		}
	}
	for _, a := range pathAliases {
		if _, ok := k.capturable(a.key); !ok {
			t.Errorf("%q leads to %q", a.path, a.key)
		}
	}
}
