package graphtest

import (
	"fmt"
	"math/rand/v2"

	"github.com/tenantatlas/tenantbackup/graph"
)

// Invented names. Some are not ASCII, for names of real tenants are not either.
var (
	teams     = []string{"sales", "finance", "plant", "research", "frontline", "kiosk", "it", "board", "hr", "vertrieb-süd"}
	rings     = []string{"pilot", "early", "broad", "production", "vip", "lab"}
	sites     = []string{"ZRH", "BER", "OSL", "MAD", "NYC", "SYD", "GRU", "東京"}
	purposes  = []string{"Baseline", "Hardening", "Restrictions", "Privacy", "Sign-in", "Encryption", "Firewall", "Updates", "Browser", "Office", "Kiosk", "Zugriff Büro", "Accès distant", "Power", "Peripherals"}
	domains   = []string{"contoso.example", "fabrikam.example", "adatum.example", "tailspin.example"}
	locales   = []string{"en-us", "de-de", "fr-fr", "ja-jp", "pt-br"}
	countries = []string{"CH", "DE", "NO", "ES", "US", "AU", "BR", "JP", "FR", "NL", "SE", "IT"}
	verbs     = []string{"allow", "block", "require", "enable", "disable", "configure", "restrict", "prevent", "enforce", "turnoff", "limit", "audit", "hide", "define", "select", "delay"}
	nouns     = []string{
		"cloudprotection", "realtimescanning", "removabledrives", "passwordmanager", "autofill", "smartscreen", "extensions", "telemetry",
		"macroexecution", "networkaccess", "remotedesktop", "usbstorage", "bluetooth", "camera", "location", "appstore",
		"taskbar", "lockscreen", "credentialguard", "exploitprotection", "controlledfolders", "firewallrules", "certificates", "vpnprofile",
		"printing", "screencapture", "clipboard", "cortana", "updatesources", "deliveryoptimization", "startmenu", "syncaccounts",
		"cookies", "popups", "downloads", "proxysettings", "homepage", "favorites", "trackingprevention", "developertools",
	}
	areas = []string{
		"device_vendor_msft_policy_config_defender", "device_vendor_msft_policy_config_devicelock", "device_vendor_msft_policy_config_update",
		"device_vendor_msft_policy_config_system", "device_vendor_msft_policy_config_privacy", "device_vendor_msft_policy_config_experience",
		"device_vendor_msft_policy_config_localpoliciessecurityoptions", "device_vendor_msft_firewall_mdmstore",
		"device_vendor_msft_policy_config_contosobrowserv10~policy~contosobrowser", "user_vendor_msft_policy_config_contosobrowserv10~policy~contosobrowser~contentsettings",
		"user_vendor_msft_policy_config_office16v2~policy~l_contosooffice~l_securitysettings~l_trustcenter",
		"user_vendor_msft_policy_config_word16v2~policy~l_contosoword~l_wordoptions~l_security",
		"com.apple.applicationaccess", "com.apple.mcx", "com.apple.managedclient.preferences",
	}
)

// made is how many objects of a type were made at the start.
func (p *plan) made(t graph.PolicyType) int {
	if n, ok := p.counts[t]; ok {
		return n
	}
	return p.foundations
}

// name is the display name of the i-th object of a type, known before it is made.
func (p *plan) name(t graph.PolicyType, i int) string {
	rng := rand.New(rand.NewPCG(p.seed^stream(t), ^uint64(i)))
	if i >= addedIndex { // people number on from what there is
		i += p.made(t) - addedIndex
	}
	switch t {
	case "roleScopeTag":
		return fmt.Sprintf("Site %s %d", pick(rng, sites), i+1)
	case "assignmentFilter":
		return fmt.Sprintf("Corporate %s devices %d", pick(rng, sites), i+1)
	case "namedLocation":
		return fmt.Sprintf("Office %s %d", pick(rng, sites), i+1)
	case "conditionalAccessPolicy":
		return fmt.Sprintf("CA%03d - %s - %s", i+1, pick(rng, purposes), pick(rng, teams))
	}
	return fmt.Sprintf("%s - %s - %s - %03d", pick(rng, purposes), pick(rng, teams), pick(rng, rings), i+1)
}
