// Package transfer takes backup sets out as files and brings files in as backup sets.
//
// The parts:
//
//   - [Exporter] writes a set as a zip of JSON, as captured or as the admin portal imports it.
//   - [Uploader] takes in a file, or a folder, that is to be imported.
//   - [Importer] executes imports: of such a zip, and of exported policies as IntuneManagement
//     writes them. [Requests] prepares their starts.
//   - [Store]: where a file waits for its import.
//
// One rule holds everywhere: a file is hostile. What it says of itself is compared with what
// it is, and costs are counted while it is read.
package transfer
