package main

// Parts and RunWith are for tests that need a server whose parts fail on demand.
type Parts = parts

var RunWith = runWith
