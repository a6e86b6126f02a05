// Package starts holds no code, only what must hold for the start of every kind of run: the
// same operation asked for by many at once is one run, and a start answers at once however
// many runs there are.
package starts
