// Package graphtest is a Microsoft Graph in memory, for tests and demonstrations.
//
// The parts:
//
//   - [Graph] implements [graph.Client] and holds any number of tenants. [Graph.AddTenant]
//     fills one with realistic policies, the same ones for the same seed;
//     [Graph.LoadDir] fills one from a folder of exported JSON.
//   - [Graph.Churn], [Graph.Touch], [Graph.Add], [Graph.Rename] and [Graph.Delete] change a
//     tenant behind the client's back, as administrators do.
//   - [Graph.Grant] limits what the client may do, as an administrator's consent does.
//   - [Graph.EditList], [Graph.Prioritize] and [Graph.Remove] are writes that Graph has and
//     [graph.Writer] does not; [Graph.Definitions] is what administrative templates can set.
//   - [Fault] says what goes wrong on which call; [Graph.Inject] takes a script of them.
//   - [Graph.OnCall] sees every call before it is answered, and may hold it up.
//     [Graph.Count], [Graph.Fetched] and [Graph.Writes] say afterwards what was called,
//     [Graph.WriteLog] and [Graph.Written] what it touched.
//   - [Run] checks that any [graph.Client] in front of a Graph keeps its promises.
//   - [Graph.Rows] is what a server in front of a Graph answers from.
//   - [Graph.Object] and [Graph.Snapshot] show what a tenant really holds, without a call.
//
// One rule holds everywhere: bytes that were handed out never change. A changed policy
// has new bytes, so whoever holds an old capture can compare it with the new one.
//
// Objects have the shape that Graph's beta endpoint gives them with full OData
// annotations. Names, ids and contents are made up. A Graph reads no wall clock and
// starts no goroutine that outlives a call.
package graphtest
