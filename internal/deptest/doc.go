// Package deptest holds no code, only tests of the shape of this module: which package
// may import which, what third-party code stands where, what lies at the top level, where
// time may be read, how long files are, and that what is exported is documented.
//
// Each rule is a function from a source tree to findings. It is run over the module
// itself, and over small trees made up to break it, because a rule that cannot fail
// guards nothing. A rule about a package that does not exist yet applies from the day it
// appears.
package deptest
