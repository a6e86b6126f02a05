// Package transfer takes backup sets out as files and brings files in as backup sets.
//
// The parts:
//
//   - [Exporter] writes a set as a zip of JSON, as captured or as the admin portal imports it.
//   - [Importer] executes imports: of such a zip, and of a folder or zip that IntuneManagement
//     exported. [Requests] prepares their starts.
//   - [Store]: where a file waits for its import.
//
// One rule holds everywhere: a file is hostile until every hash in it has been checked.
package transfer
