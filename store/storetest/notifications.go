package storetest

import (
	"testing"
	"time"

	"github.com/tenantatlas/tenantbackup/runs"
)

func notificationPromises() []promise {
	return []promise{
		{"a notification comes back as it was given", notificationComesBack},
		{"notifications are those of one recipient", notificationsOfOneRecipient},
		{"reading sets the time once", readingSetsTheTimeOnce},
		{"what is newer than what was seen stays unread", newerStaysUnread},
		{"unread ones are listed and counted apart", unreadOnes},
		{"a notification of somebody else is not found", notificationOfSomebodyElse},
	}
}

// notify stores notifications by way of the trail of a run.
func (f *fixture) notify(list ...runs.Notification) {
	f.Helper()
	r := f.newRun(contoso)
	_, _, err := f.store.CreateRun(f.ctx, contoso, r, runs.Trail{Notifications: list})
	f.ok(err)
}

func (f *fixture) inbox(recipient string, unreadOnly bool) []runs.Notification {
	f.Helper()
	return must(f.store.ListNotifications(f.ctx, contoso, recipient, unreadOnly, all))(f)
}

func notificationComesBack(t *testing.T, f *fixture) {
	r := f.newRun(contoso)
	n := runs.Notification{
		ID: f.id(), Recipient: bob.ID, RunID: r.ID, Kind: runs.KindPolicySync, Status: runs.StatusPartial,
		Code: runs.CodeItemsFailed, Message: "policy.sync: partial – größer", CreatedAt: start.Add(time.Second),
	}
	_, _, err := f.store.CreateRun(f.ctx, contoso, r, runs.Trail{Notifications: []runs.Notification{n}})
	f.ok(err)
	same(t, "notifications", f.inbox(bob.ID, false), []runs.Notification{n})
}

func notificationsOfOneRecipient(t *testing.T, f *fixture) {
	mine, other := f.notice(start), f.notice(start)
	other.Recipient = bob.ID
	f.notify(mine, other)
	same(t, "ada's", f.inbox(ada.ID, false), []runs.Notification{mine})
	same(t, "bob's", f.inbox(bob.ID, false), []runs.Notification{other})
	same(t, "ADA's: ids are compared as they are", f.inbox("ADA", false), nil)
}

func readingSetsTheTimeOnce(t *testing.T, f *fixture) {
	n := f.notice(start)
	f.notify(n)
	n.ReadAt = start.Add(time.Hour)
	for _, at := range []time.Time{n.ReadAt, n.ReadAt.Add(time.Hour)} {
		same(t, "returned", must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, n.ID, later, at))(t), n)
		same(t, "stored", f.inbox(ada.ID, false), []runs.Notification{n})
	}
}

func unreadOnes(t *testing.T, f *fixture) {
	first, second := f.notice(start), f.notice(start.Add(time.Second))
	f.notify(first, second)
	count := func(want int) {
		t.Helper()
		if n := must(f.store.CountUnread(f.ctx, contoso, ada.ID))(t); n != want {
			t.Errorf("unread: got %d, want %d", n, want)
		}
	}
	count(2)
	must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, second.ID, later, start))(t)
	count(1)
	same(t, "unread", f.inbox(ada.ID, true), []runs.Notification{first})
	if n := len(f.inbox(ada.ID, false)); n != 2 {
		t.Errorf("all: got %d, want 2", n)
	}
}

// later is after everything that the suite stores.
var later = start.AddDate(1, 0, 0)

func newerStaysUnread(t *testing.T, f *fixture) {
	n := f.notice(start.Add(time.Minute))
	f.notify(n)
	same(t, "returned", must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, n.ID, start, later))(t), n)
	same(t, "stored", f.inbox(ada.ID, true), []runs.Notification{n})
	n.ReadAt = later
	same(t, "when it was seen", must(f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, n.ID, n.CreatedAt, later))(t), n)
}

func notificationOfSomebodyElse(t *testing.T, f *fixture) {
	n := f.notice(start)
	f.notify(n)
	f.nothingWritten("reading somebody else's", func() {
		_, err := f.store.MarkNotificationRead(f.ctx, contoso, bob.ID, n.ID, later, start)
		f.wants("bob reads ada's", err, runs.ErrNotFound)
		_, err = f.store.MarkNotificationRead(f.ctx, contoso, ada.ID, nobody, later, start)
		f.wants("an id that nobody has", err, runs.ErrNotFound)
	})
}
