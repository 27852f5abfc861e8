package app

// The browser walk, for the tests that run the whole way (package app_test).
var Browse = browse

// BrowserJob is what a walk looks at.
type BrowserJob = browserJob
