package transfer

// What the tests look at by itself.
var (
	Around   = around
	SafeName = safeName
)
