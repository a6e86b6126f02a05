package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

func TestDiffSeesWhatAStoreMayNotChange(t *testing.T) {
	berlin := time.FixedZone("Berlin", 3600)
	for name, pair := range map[string][2]any{
		"a value":                   {runs.Counts{Total: 1}, runs.Counts{Total: 2}},
		"a time":                    {start, start.Add(time.Microsecond)},
		"a zone":                    {start.In(berlin), start},
		"a time that is missing":    {time.Time{}, start},
		"a number in JSON":          {json.RawMessage(`{"n":12345678901234567890}`), json.RawMessage(`{"n":12345678901234567891}`)},
		"JSON that is missing":      {json.RawMessage(nil), json.RawMessage(`null`)},
		"JSON that is broken":       {json.RawMessage(`{`), json.RawMessage(`{`)},
		"a byte":                    {[]byte("a"), []byte("b")},
		"an element":                {[]int{1}, []int{2}},
		"a length":                  {[]int{1}, []int{1, 2}},
		"an order":                  {[]int{2, 1}, []int{1, 2}},
		"a key that is missing":     {map[string]int{}, map[string]int{"a": 1}},
		"a key too many":            {map[string]int{"a": 1}, map[string]int{}},
		"a value of a key":          {map[string]any{"a": 1}, map[string]any{"a": 2}},
		"a type":                    {map[string]any{"a": 1}, map[string]any{"a": "1"}},
		"something for nothing":     {[]int{1}, nil},
		"a field deep down":         {[]runs.Run{{Actor: runs.Actor{ID: "a"}}}, []runs.Run{{Actor: runs.Actor{ID: "b"}}}},
		"nothing for a whole value": {nil, runs.Run{}},
	} {
		if len(diff(pair[0], pair[1])) == 0 {
			t.Errorf("%s: no difference seen between %v and %v", name, pair[0], pair[1])
		}
	}
}

func TestDiffSeesThroughWhatAStoreMayChoose(t *testing.T) {
	for name, pair := range map[string][2]any{
		"nil and empty slices":     {[]int{}, []int(nil)},
		"nil and empty maps":       {map[string]int(nil), map[string]int{}},
		"no rows":                  {[]int{}, nil},
		"nil and empty JSON":       {json.RawMessage{}, json.RawMessage(nil)},
		"white space of JSON":      {json.RawMessage(`{ "b":1, "a":[1] }`), json.RawMessage(`{"a":[1],"b":1}`)},
		"how a clock reads":        {start, time.UnixMicro(start.UnixMicro()).UTC()},
		"the zone of no time":      {time.Time{}.Local(), time.Time{}},
		"the same in an interface": {map[string]any{"a": start}, map[string]any{"a": start}},
	} {
		if d := diff(pair[0], pair[1]); len(d) != 0 {
			t.Errorf("%s: %q", name, d)
		}
	}
}

func TestDiffNamesThePlace(t *testing.T) {
	a, b := runs.Run{Counts: runs.Counts{Failed: 1}}, runs.Run{}
	got := diff(map[string]any{"run": []runs.Run{a}}, map[string]any{"run": []runs.Run{b}})
	if len(got) != 1 || got[0] != "[run][0].Counts.Failed: got 1, want 0" {
		t.Errorf("got %q", got)
	}
}

func TestClockMovesOnlyWhenItIsTold(t *testing.T) {
	clock := NewClock(start)
	soon, now := clock.After(time.Minute), clock.After(0)
	if got := <-now; !got.Equal(start) {
		t.Errorf("timer of no time: got %s", got)
	}
	clock.Advance(59 * time.Second)
	select {
	case <-soon:
		t.Error("the timer fired early")
	default:
	}
	clock.Advance(time.Second)
	if got := <-soon; !got.Equal(start.Add(time.Minute)) || !clock.Now().Equal(got) {
		t.Errorf("timer: got %s, clock shows %s", got, clock.Now())
	}
}
