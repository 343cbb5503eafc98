package main

// dashboard is one file. Its queries say {@} or {@, label="…"} for the series that the variables select.
type dashboard struct {
	uid, title, about string

	variables []variable
	rows      []row
	notes     []note
}

// row is a heading and the panels under it, placed from left to right in lines of 24 columns.
type row struct {
	title  string
	panels []panel
}

// panel is what one looks at. Its description is "about", what its colours mean, and the help of its metrics.
type panel struct {
	title, about string
	kind         kind
	w, h         int // of 24 columns, and of rows of about 36 pixels
	queries      []query
	unit         string  // Grafana's; empty: as the name of the first metric has it
	levels       []level // from which value on which colour, and what that means
	words        []word  // what is shown in place of a value
	none         string  // what is shown where there is nothing, which must say whether that is good
	min, max     *float64
	stacked      bool
	colours      map[string]string // of series, by their names, where these have a meaning
	columns      []column          // of a table
	sort         string            // the column by which a table is sorted, the greatest first
	links        []link
}

// kind says how a panel is drawn.
type kind string

// The kinds. A big number is the newest value and needs instant queries, as a table does; the others show all the time.
const (
	bigNumber kind = "stat"
	graph     kind = "timeseries"
	timeline  kind = "state-timeline"
	table     kind = "table"
	heatmap   kind = "heatmap"
)

// query is one expression of a panel.
type query struct {
	expr   string
	legend string
	limit  bool   // a limit that the others are measured by: a dashed line
	needs  []need // what must be so for it to return anything; none: it always does
}

// need is a condition under which a query returns something.
type need string

const (
	failing     need = "failing"     // something fails, so that there are alerts
	needP2P     need = "p2p"         // a cluster is configured
	election    need = "election"    // its election is
	replication need = "replication" // keys are watched
	needFleet   need = "fleet"       // other exporters are
	change      need = "change"      // only at the moment of a change
	seldom      need = "seldom"      // only in rare states, that can't be made at will
	classic     need = "classic"     // classic buckets are scraped, not only native histograms
	gone        need = "gone"        // an exporter that was there is not scraped any more
)

// level is a threshold: from this value on, this colour, which means that.
type level struct {
	from   float64
	colour string
	means  string
}

// word stands for a value. Colour alone says nothing to many, so every state has one.
type word struct {
	value  float64
	text   string
	colour string
}

// column is a field of a table: a label, or the value of the query with that letter.
type column struct {
	from, title string
	unit        string
	places      int // after the decimal point
	width       int
	levels      []level
	words       []word
	links       []link
}

// link leads from a value to another page. In a table {x} is the field x of the row, elsewhere the label x of the series.
type link struct{ title, url string }

// variable is a choice at the head of a dashboard.
type variable struct {
	name, label string
	from        string // the series whose label of that name has the values; empty: options
	options     []string
	single      bool // one value, not any number or all
	needs       []need
}

// note is a mark in every graph at the moments when the expression returns something.
type note struct {
	title, expr string
	text        string
	colour      string
	atValue     bool // the value is the time, in milliseconds
	needs       []need
}

func number(f float64) *float64 { return &f }
