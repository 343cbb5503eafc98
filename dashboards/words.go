package main

// The words and colours that several panels share. Scores and ages have the limits of rules/defaults.yml; who configures
// others sees the colours change elsewhere than the status, so the descriptions say which limits these are.

// noLevels is for what has no limit.
var noLevels = []level{{0, "blue", ""}}

var scoreLevels = []level{
	{0, "red", "unhealthy by the default threshold"},
	{0.75, "yellow", "degraded by the default threshold"},
	{0.95, "green", "healthy"},
}

// anyIsBad is for counts of what should not be.
var anyIsBad = []level{{0, "green", "none"}, {1, "red", "one or more"}}

// shareLevels are for a share of nodes.
var shareLevels = []level{
	{0, "green", "none"}, {0.01, "orange", "some nodes"}, {0.5, "red", "half of the nodes or more: look for a shared cause"},
}

var anyIsDoubtful = []level{{0, "green", "none"}, {1, "orange", "one or more"}}

// statusWords have the numbers of statusCode: the greater, the sooner somebody should look.
var statusWords = []word{
	{0, "healthy", "green"},
	{1, "starting", "blue"},
	{2, "degraded", "yellow"},
	{3, "stopping", "purple"},
	{4, "unhealthy", "red"},
	{5, "not scraped", "text"},
}

var statusColours = map[string]string{
	"healthy": "green", "degraded": "yellow", "unhealthy": "red", "starting": "blue", "stopping": "purple",
}

var checkWords = []word{{0, "fails or unknown", "red"}, {0.5, "warns", "yellow"}, {1, "passes", "green"}}

var electionWords = []word{{0, "one leader", "green"}, {1, "no leader", "red"}, {2, "split", "purple"}}

var stopWords = []word{
	{0, "running", "green"},
	{1, "draining", "yellow"},
	{2, "pre-shutdown", "orange"},
	{3, "shutdown", "orange"},
	{4, "post-shutdown", "orange"},
	{5, "stopped", "red"},
}

var reloadWords = []word{{0, "refused, the old one holds", "red"}, {1, "loaded", "green"}}

var failingWords = []word{{0, "evaluates", "green"}, {1, "fails", "red"}}

var provenWords = []word{{0, "never passed", "red"}, {1, "has passed", "green"}}

var writableWords = []word{{0, "possible", "green"}, {1, "read-only", "red"}}

var replacedWords = []word{{0, "the same", "green"}, {1, "another", "red"}}

var passWords = []word{{0, "failed", "red"}, {1, "passed", "green"}}

// stallLevels have the default of stall_timeout.
var stallLevels = []level{{0, "green", "current"}, {30, "yellow", "late"}, {60, "red", "stalled by the default stall_timeout"}}
