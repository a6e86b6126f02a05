package graphtest

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/tenantatlas/tenantbackup/graph"
)

// TenantConfig says what a new tenant holds.
type TenantConfig struct {
	// Seed decides every byte. Tenants with the same seed hold the same objects under the
	// same ids, which is what a test of tenant isolation wants; give others for tenants
	// that should differ.
	Seed uint64

	// Policies is the number of generated policies, foundations not counted. Zero means
	// none, for a tenant that is filled by LoadDir or Put. At most 100,000; each takes
	// about 20 KB of memory.
	Policies int

	// Foundations is the number of generated objects of each foundation type (scope tags,
	// filters, named locations ...). Defaults to 4, or to none in a tenant without
	// policies; negative means none.
	Foundations int

	// Types are the policy types to generate. Defaults to all of [GeneratedTypes]; those of
	// [RareTypes] are generated only when they are named here. Foundations among these are as
	// many as the other foundations are, and what a tenant has once is there once.
	Types []graph.PolicyType

	// Directory are more groups, users and applications, for policies of another tenant that
	// are brought here.
	Directory []graph.Reference
}

// addedIndex is the number of the first object that is made after the start, so that its
// id differs from all generated ones.
const addedIndex = 1 << 20

// plan is what the objects of a tenant agree on: ids, names and groups to refer to.
type plan struct {
	seed        uint64
	foundations int
	groups      []graph.Reference
	users, apps []graph.Reference
	counts      map[graph.PolicyType]int // of the policies that are made at the start
}

// GeneratedTypes returns the policy types and the foundation types that tenants are
// filled with, most frequent first.
func GeneratedTypes() (policies, foundations []graph.PolicyType) {
	for t, m := range makers {
		if m.weight > 0 {
			policies = append(policies, t)
		} else {
			foundations = append(foundations, t)
		}
	}
	slices.SortFunc(policies, func(a, b graph.PolicyType) int {
		return cmp.Or(cmp.Compare(makers[b].weight, makers[a].weight), cmp.Compare(a, b))
	})
	slices.Sort(foundations)
	return policies, foundations
}

func (cfg *TenantConfig) complete() error {
	policies, _ := GeneratedTypes()
	known := slices.Concat(policies, RareTypes())
	if cfg.Policies < 0 || cfg.Policies > 100_000 {
		return fmt.Errorf("field Policies is %d; give 0 to 100000", cfg.Policies)
	}
	if cfg.Foundations == 0 && cfg.Policies > 0 {
		cfg.Foundations = 4
	}
	cfg.Foundations = max(cfg.Foundations, 0)
	if len(cfg.Types) == 0 {
		cfg.Types = policies
	}
	for i, t := range cfg.Types {
		if !slices.Contains(known, t) {
			return fmt.Errorf("field Types: policies of type %q are not generated; use Put or LoadDir", t)
		}
		if slices.Contains(cfg.Types[:i], t) {
			return fmt.Errorf("field Types: %q is given twice", t)
		}
	}
	return nil
}

// generate makes all objects of a tenant: types in a stable order, foundations last.
func generate(catalogue *graph.Catalogue, cfg TenantConfig) ([]graph.Policy, *plan, error) {
	if err := cfg.complete(); err != nil {
		return nil, nil, err
	}
	p := &plan{seed: cfg.Seed, foundations: cfg.Foundations, counts: map[graph.PolicyType]int{}}
	p.addGroups(24 + cfg.Policies/50)
	p.addUsersAndApps()

	type job struct {
		info  graph.TypeInfo
		maker maker
		index int
		size  float64
	}
	var jobs []job
	add := func(t graph.PolicyType, n int) error {
		info, ok := catalogue.Lookup(t)
		if !ok {
			return errors.New("Config.Catalogue lacks the built-in type " + string(t))
		}
		// Sizes are dealt out, not drawn: so few policies have the spread of many, and the
		// largest do not come by luck.
		ranks := rand.New(rand.NewPCG(p.seed, stream(t))).Perm(n)
		for i, r := range ranks {
			jobs = append(jobs, job{info, makerOf(t), i, (float64(r) + 0.5) / float64(n)})
		}
		return nil
	}
	_, foundations := GeneratedTypes()
	policies, named := separated(cfg.Types)
	for i, n := range shares(policies, cfg.Policies) {
		p.counts[policies[i]] = n
		if err := add(policies[i], n); err != nil {
			return nil, nil, err
		}
	}
	for _, t := range slices.Concat(foundations, named) {
		if err := add(t, cfg.Foundations); err != nil {
			return nil, nil, err
		}
	}

	out := make([]graph.Policy, len(jobs))
	var wg sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(jobs); i += workers {
				j := jobs[i]
				out[i] = p.make(j.info, j.maker, j.index, j.size)
			}
		})
	}
	wg.Wait()
	return out, p, nil
}

// shares divides n policies among types by weight. Every type gets one while there are
// enough, at the cost of the most frequent, and the shares add up to n, unless all of the
// types are such that a tenant has one of.
func shares(types []graph.PolicyType, n int) []int {
	out := make([]int, len(types))
	var rest []graph.PolicyType
	var at []int
	for i, t := range types {
		if !once(t) {
			rest, at = append(rest, t), append(at, i)
		} else if n > 0 {
			out[i], n = 1, n-1
		}
	}
	if len(rest) > 0 {
		for i, share := range weighed(rest, n) {
			out[at[i]] = share
		}
	}
	return out
}

func weighed(types []graph.PolicyType, n int) []int {
	total := 0
	for _, t := range types {
		total += makerOf(t).weight
	}
	out := make([]int, len(types))
	most, left := 0, n
	for i, t := range types {
		out[i] = max(1, n*makerOf(t).weight/total)
		left -= out[i]
		if out[i] > out[most] {
			most = i
		}
	}
	for i := range types {
		if left > 0 {
			out[i], left = out[i]+1, left-1 // what rounding down left over
		}
	}
	taken := min(-left, out[most]-1)
	if taken > 0 {
		out[most], left = out[most]-taken, left+taken
	}
	for i := len(types) - 1; left < 0; i-- { // rare types last in, first out
		less := min(-left, out[i])
		out[i], left = out[i]-less, left+less
	}
	return out
}

// stream gives each type its own random numbers, so that adding a type to a tenant does
// not change the others.
func stream(t graph.PolicyType) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(t))
	return h.Sum64()
}

// guid draws a GUID of version 4.
func guid(rng *rand.Rand) string {
	a, b := rng.Uint64(), rng.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// objectID is the id of the i-th object of a type, known before the object is made.
func (p *plan) objectID(t graph.PolicyType, i int) string {
	switch t {
	case "roleScopeTag":
		return fmt.Sprint(i + 1) // 0 is the built-in one
	case "authenticationContextClassReference":
		return fmt.Sprintf("c%d", i+1)
	case "deviceManagementSettings":
		return string(t) // it has none
	}
	id := guid(rand.New(rand.NewPCG(p.seed^stream(t), uint64(i)+1)))
	switch {
	case t == "appProtectionPolicy", t == "targetedManagedAppConfiguration":
		return "T_" + id
	case t == "enrollmentRestriction" && i == 0:
		return id + "_DefaultPlatformRestrictions"
	case t == "enrollmentRestriction":
		return id + "_SinglePlatformRestriction"
	case t == "windowsEnrollmentStatusPage":
		return id + "_Windows10EnrollmentCompletionPageConfiguration"
	case t == "windowsHelloForBusiness":
		return id + "_DefaultWindowsHelloForBusiness"
	case t == "coManagementAuthority":
		return id + "_DeviceComanagementAuthorityConfiguration"
	}
	return id
}

func pick[T any](rng *rand.Rand, from []T) T { return from[rng.IntN(len(from))] }
