// Package fleet holds no code, only campaigns against the whole service on one Postgres:
// several processes that are killed, that disagree about the time, whose database crashes
// or whose Graph is slow. What must hold afterwards is asked of the database, not of them.
//
// The processes are this test binary run again. By default the campaigns are small; the
// flag -campaign runs them in full.
package fleet
