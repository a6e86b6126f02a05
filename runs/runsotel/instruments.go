package runsotel

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/tenantatlas/tenantbackup/runs"
)

// The attributes. Each has few values: those of a list in this module or of the host's
// catalogue and executors.
const (
	errorType = attribute.Key("error.type") // semantic conventions

	runKind    = attribute.Key("tenantbackup.run.kind")
	runTrigger = attribute.Key("tenantbackup.run.trigger")
	runStatus  = attribute.Key("tenantbackup.run.status")
	runCode    = attribute.Key("tenantbackup.run.code")
	outcome    = attribute.Key("tenantbackup.outcome")
	leaseBy    = attribute.Key("tenantbackup.lease.noticed_by")
	workload   = attribute.Key("tenantbackup.graph.workload")
	waitReason = attribute.Key("tenantbackup.graph.wait.reason")
	graphOp    = attribute.Key("tenantbackup.graph.operation")
	policyType = attribute.Key("tenantbackup.policy.type")
	storeOp    = attribute.Key("tenantbackup.store.method")
	queueState = attribute.Key("tenantbackup.queue.state")
	tenantID   = attribute.Key("tenantbackup.tenant.id")

	// Of spans only.
	runID      = attribute.Key("tenantbackup.run.id")
	runAttempt = attribute.Key("tenantbackup.run.attempt")
	policies   = attribute.Key("tenantbackup.policy.count")
	failed     = attribute.Key("tenantbackup.policy.failed")
	slots      = attribute.Key("tenantbackup.dispatch.due")
	statusCode = attribute.Key("http.response.status_code") // semantic conventions
)

// Who noticed that a lease was lost.
const (
	byWorker = "worker"
	bySweep  = "sweep"
)

// Bounds of histogram buckets in seconds: of calls, and of what takes up to hours.
var (
	callBounds = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}
	longBounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600}
)

type instruments struct {
	dispatchLag  metric.Float64Histogram
	tickDuration metric.Float64Histogram
	dispatched   metric.Int64Counter

	runsEnded   metric.Int64Counter
	runsActive  metric.Int64UpDownCounter
	runDuration metric.Float64Histogram
	runWait     metric.Float64Histogram
	attempts    metric.Int64Counter

	throttleWait metric.Float64Histogram
	leaseLosses  metric.Int64Counter
	sweeps       metric.Int64Counter
	requeued     metric.Int64Counter
	sweptDamaged metric.Int64Counter

	notifications metric.Int64Counter

	graphDuration metric.Float64Histogram
	graphWait     metric.Float64Histogram
	storeDuration metric.Float64Histogram
}

// builder makes instruments and keeps their errors.
type builder struct {
	meter metric.Meter
	err   error
}

func (b *builder) seconds(name, what string, bounds []float64) metric.Float64Histogram {
	h, err := b.meter.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(what), metric.WithExplicitBucketBoundaries(bounds...))
	b.err = errors.Join(b.err, err)
	return h
}

func (b *builder) count(name, unit, what string) metric.Int64Counter {
	c, err := b.meter.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
	b.err = errors.Join(b.err, err)
	return c
}

func newInstruments(meter metric.Meter) (instruments, error) {
	b := &builder{meter: meter}
	i := instruments{
		dispatchLag:  b.seconds("tenantbackup.dispatch.lag", "Time from a slot until its run was stored.", longBounds),
		tickDuration: b.seconds("tenantbackup.dispatch.tick.duration", "Time that a tick of the dispatcher took.", longBounds),
		dispatched:   b.count("tenantbackup.dispatch.slots", "{slot}", "Slots that fell due, by what became of them."),

		runsEnded:   b.count("tenantbackup.runs", "{run}", "Runs that have ended."),
		runDuration: b.seconds("tenantbackup.run.duration", "Time from the first claim of a run to its end, waits included.", longBounds),
		runWait:     b.seconds("tenantbackup.run.wait", "Time from when a run was due to its claim.", longBounds),
		attempts:    b.count("tenantbackup.attempts", "{attempt}", "Attempts at runs that have ended."),

		throttleWait: b.seconds("tenantbackup.throttle.wait", "Time that runs wait because Graph throttled, failed or did not answer in time.", longBounds),
		leaseLosses:  b.count("tenantbackup.lease.losses", "{lease}", "Leases on runs that were lost."),
		sweeps:       b.count("tenantbackup.sweeps", "{sweep}", "Sweeps for stranded runs."),
		requeued:     b.count("tenantbackup.sweep.requeued", "{run}", "Waiting runs whose jobs a sweep queued again."),
		sweptDamaged: b.count("tenantbackup.sweep.damaged", "{run}", "Damaged runs that a sweep left alone."),

		notifications: b.count("tenantbackup.notifications.dropped", "{notification}", "Stored notifications that did not reach the host's channel."),

		graphDuration: b.seconds("tenantbackup.graph.call.duration", "Time that calls to Graph took.", callBounds),
		graphWait:     b.seconds("tenantbackup.graph.wait", "Time that requests to Graph were held back.", callBounds),
		storeDuration: b.seconds("tenantbackup.store.call.duration", "Time that calls to the store took.", callBounds),
	}
	var err error
	i.runsActive, err = meter.Int64UpDownCounter("tenantbackup.active_runs", metric.WithUnit("{run}"),
		metric.WithDescription("Runs that this process works on."))
	return i, errors.Join(b.err, err)
}

// with is the attributes of one measurement.
func with(attrs ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attrs...))
}

// queueTimeout keeps a queue that does not answer from holding up all other metrics.
const queueTimeout = 5 * time.Second

// watchQueue reports the queue at every collection.
func watchQueue(meter metric.Meter, stats func(context.Context) (runs.QueueStats, error)) (metric.Registration, error) {
	jobs, err := meter.Int64ObservableGauge("tenantbackup.queue.jobs", metric.WithUnit("{job}"),
		metric.WithDescription("Jobs that wait in the queue."))
	if err != nil {
		return nil, err
	}
	age, err := meter.Float64ObservableGauge("tenantbackup.queue.age", metric.WithUnit("s"),
		metric.WithDescription("How long the oldest job that is due has been due."))
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, queueTimeout)
		defer cancel()
		s, err := stats(ctx)
		if err != nil {
			return nil // an error would get into a log of the process, with all it says
		}
		o.ObserveInt64(jobs, int64(s.Due), with(queueState.String("due")))
		o.ObserveInt64(jobs, int64(s.Delayed), with(queueState.String("delayed")))
		o.ObserveInt64(jobs, int64(s.SetAside), with(queueState.String("set_aside")))
		o.ObserveFloat64(age, s.Oldest.Seconds())
		return nil
	}, jobs, age)
}
