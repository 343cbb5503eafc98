package main

import "strings"

// drawOptions are the options of the kind.
func drawOptions(p panel) obj {
	switch p.kind {
	case bigNumber:
		return numberOptions(p)
	case timeline:
		return obj{
			"alignValue": "left", "mergeValues": true, "rowHeight": 0.9, "showValue": "auto", "perPage": 20,
			"legend":  obj{"calcs": []string{}, "displayMode": "list", "placement": "bottom", "showLegend": true},
			"tooltip": tooltip("single"),
		}
	case table:
		return tableOptions(p)
	case heatmap:
		return heatmapOptions(p)
	default:
		return obj{
			"legend":  obj{"calcs": []string{"lastNotNull", "max"}, "displayMode": "table", "placement": "bottom", "showLegend": true},
			"tooltip": tooltip("multi"),
		}
	}
}

func tooltip(mode string) obj { return obj{"mode": mode, "sort": "desc", "hideZeros": false} }

// numberOptions show the value in its colour; where several series are shown, or the series is what is told, their names.
func numberOptions(p panel) obj {
	text := "auto"
	if p.unit == "string" {
		text = "name"
	}
	colour := "value"
	if len(p.words) > 0 {
		colour = "background"
	}
	return obj{
		"reduceOptions": obj{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
		"orientation":   "auto", "textMode": text, "colorMode": colour, "graphMode": "none", "justifyMode": "auto", "wideLayout": true,
		"showPercentChange": false, "percentChangeColorMode": "standard",
	}
}

func heatmapOptions(p panel) obj {
	yUnit := p.unit
	if yUnit == "" {
		yUnit = "s"
	}
	return obj{
		"calculate": false, "cellGap": 1, "showValue": "never",
		"color": obj{
			"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "steps": 64,
			"reverse": false, "fill": "dark-orange",
		},
		"exemplars":    obj{"color": "rgba(255,0,255,0.7)"},
		"filterValues": obj{"le": 1e-9}, "legend": obj{"show": true}, "rowsFrame": obj{"layout": "auto"},
		"tooltip": obj{"mode": "single", "showColorScale": true, "yHistogram": false},
		"yAxis":   obj{"axisPlacement": "left", "reverse": false, "unit": yUnit},
	}
}

func tableOptions(p panel) obj {
	o := obj{"showHeader": true, "cellHeight": "sm", "frameIndex": 0, "enablePagination": len(p.queries) > 1}
	if p.sort != "" {
		o["sortBy"] = []obj{{"displayName": p.sort, "desc": true}}
	}
	return o
}

// transformations make one table of the answers to all queries, in the order of the columns; the time of the query and the
// values that are no column are left out.
func transformations(p panel) []obj {
	index, rename, exclude := obj{}, obj{}, obj{"Time": true}
	for i := range p.queries {
		for _, field := range fields(column{from: refID(i)}) {
			exclude[field] = true
		}
	}
	for i, c := range p.columns {
		for _, field := range fields(c) {
			index[field], rename[field] = i, c.title
			delete(exclude, field)
		}
	}
	return []obj{
		{"id": "merge", "options": obj{}},
		{"id": "organize", "options": obj{"indexByName": index, "renameByName": rename, "excludeByName": exclude}},
	}
}

// fields are the names that the field of a column may have. That of a value is named for the letter of its query if there
// are several, and just Value if not.
func fields(c column) []string {
	if !c.value() {
		return []string{c.from}
	}
	if c.from == "A" {
		return []string{"Value #A", "Value"}
	}
	return []string{"Value #" + c.from}
}

// value says whether the column shows values, not a label.
func (c column) value() bool { return len(c.from) == 1 && strings.ToUpper(c.from) == c.from }

// drawColumn sets what is particular to a column; nil: nothing is.
func drawColumn(c column) obj {
	pairs := []any{}
	if c.width > 0 {
		pairs = append(pairs, "custom.width", c.width)
	}
	if c.value() {
		pairs = append(pairs, "unit", c.unit, "decimals", c.places)
	}
	if len(c.words) > 0 {
		pairs = append(pairs, "mappings", mappings(c.words))
	}
	if len(c.levels)+len(c.words) > 0 {
		pairs = append(pairs, "thresholds", thresholds(shades(c.levels, c.words)), "custom.cellOptions", obj{"type": "color-text"})
	}
	if len(c.links) > 0 {
		pairs = append(pairs, "links", drawLinks(c.links))
	}
	if len(pairs) == 0 {
		return nil
	}
	return override("byName", c.title, pairs...)
}
