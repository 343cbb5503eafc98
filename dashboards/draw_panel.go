package main

import (
	"fmt"
	"slices"
	"strings"
)

func drawPanel(d dashboard, p panel, names *catalog) obj {
	o := obj{
		"type": string(p.kind), "title": p.title, "description": describe(p, names), "datasource": source(),
		"targets": drawQueries(d, p), "options": drawOptions(p),
		"fieldConfig": obj{"defaults": drawDefaults(p, names), "overrides": drawOverrides(p)},
	}
	if p.kind == table {
		o["transformations"] = transformations(p)
	}
	return o
}

// describe says what a panel shows, what its colours mean, and what its metrics are.
func describe(p panel, names *catalog) string {
	parts := []string{p.about}
	var colours []string
	for i, l := range p.levels {
		switch {
		case l.means == "":
		case i == 0:
			colours = append(colours, fmt.Sprintf("%s: %s", l.colour, l.means))
		default:
			colours = append(colours, fmt.Sprintf("%s from %g: %s", l.colour, l.from, l.means))
		}
	}
	// Where every value has a word, the words say it.
	if len(colours) > 0 && len(p.words) == 0 {
		parts = append(parts, "Colours: "+strings.Join(colours, "; ")+".")
	}
	var help []string
	for _, q := range p.queries {
		used, _ := names.used(q.expr) // checked before anything is drawn
		for _, name := range used {
			line := fmt.Sprintf("- `%s`: %s", name, names.metrics[name].help)
			if !strings.Contains(strings.Join(help, "\n"), line) {
				help = append(help, line)
			}
		}
	}
	return strings.Join(append(parts, strings.Join(help, "\n")), "\n\n")
}

// refID is the letter of the query with that index.
func refID(i int) string { return string(rune('A' + i)) }

func drawQueries(d dashboard, p panel) []obj {
	var list []obj
	for i, q := range p.queries {
		o := obj{
			"refId": refID(i), "datasource": source(), "editorMode": "code", "expr": expand(d, q.expr), "format": "time_series",
			"instant": p.kind.instant(), "range": !p.kind.instant(),
		}
		switch p.kind {
		case table:
			o["format"] = "table"
		case heatmap:
			o["format"], o["legendFormat"] = "heatmap", "{{le}}"
		default:
			o["legendFormat"] = q.legend
		}
		list = append(list, o)
	}
	return list
}

// instant says whether only the newest value is asked for.
func (k kind) instant() bool { return k == bigNumber || k == table }

// unitOf is the unit of a panel: its own, or that of its first metric.
func unitOf(p panel, names *catalog) string {
	if p.unit != "" {
		return p.unit
	}
	used, _ := names.used(p.queries[0].expr)
	if len(used) == 0 {
		return "short"
	}
	return unit(used[0])
}

func drawDefaults(p panel, names *catalog) obj {
	o := obj{
		"unit": unitOf(p, names), "mappings": mappings(p.words), "thresholds": thresholds(shades(p.levels, p.words)),
		"links": drawLinks(p.links), "color": obj{"mode": "thresholds"}, "custom": obj{},
	}
	if p.none != "" {
		o["noValue"] = p.none
	}
	if p.min != nil {
		o["min"] = *p.min
	}
	if p.max != nil {
		o["max"] = *p.max
	}
	switch p.kind {
	case graph:
		o["color"] = obj{"mode": "palette-classic-by-name"}
		o["custom"] = drawLine(p)
	case timeline:
		o["custom"] = obj{"fillOpacity": 80, "lineWidth": 0}
	case table:
		o["custom"] = obj{"align": "auto", "cellOptions": obj{"type": "auto"}, "inspect": false, "filterable": true}
	}
	return o
}

func drawLine(p panel) obj {
	o := obj{
		"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 8, "showPoints": "never",
		"spanNulls": false, "axisSoftMin": 0, "stacking": obj{"mode": "none", "group": "A"}, "thresholdsStyle": obj{"mode": "off"},
	}
	if len(p.levels) > 1 {
		o["thresholdsStyle"] = obj{"mode": "dashed"}
	}
	if p.stacked {
		o["fillOpacity"], o["stacking"] = 60, obj{"mode": "normal", "group": "A"}
	}
	return o
}

// shades are the levels; where there are none, those of the words, or one that means nothing.
func shades(levels []level, words []word) []level {
	if len(levels) == 0 {
		for _, w := range words {
			levels = append(levels, level{w.value, w.colour, w.text})
		}
	}
	if len(levels) == 0 {
		return noLevels
	}
	return levels
}

func thresholds(levels []level) obj {
	steps := []obj{{"color": levels[0].colour, "value": nil}}
	for _, l := range levels[1:] {
		steps = append(steps, obj{"color": l.colour, "value": l.from})
	}
	return obj{"mode": "absolute", "steps": steps}
}

// mappings also name NaN, which no number stands for: it is what cannot be read.
func mappings(words []word) []obj {
	nan := obj{"text": "not a number", "color": "red", "index": 0}
	list := []obj{{"type": "special", "options": obj{"match": "nan", "result": nan}}}
	if len(words) == 0 {
		return list
	}
	options := obj{}
	for i, w := range words {
		options[fmt.Sprint(w.value)] = obj{"text": w.text, "color": w.colour, "index": i + 1}
	}
	return append(list, obj{"type": "value", "options": options})
}

func drawLinks(links []link) []obj {
	list := []obj{}
	for _, l := range links {
		list = append(list, obj{"title": l.title, "url": l.url, "targetBlank": !strings.HasPrefix(l.url, "/")})
	}
	return list
}

func drawOverrides(p panel) []obj {
	list := []obj{}
	for i, q := range p.queries {
		if q.limit {
			list = append(list, override("byFrameRefID", refID(i),
				"custom.lineStyle", obj{"fill": "dash", "dash": []int{10, 10}}, "custom.fillOpacity", 0,
				"custom.stacking", obj{"mode": "none", "group": "B"}, "color", obj{"mode": "fixed", "fixedColor": "red"}))
		}
	}
	for _, w := range statusWords { // in a fixed order
		if colour, ok := p.colours[w.text]; ok {
			list = append(list, drawColour(p, w.text, colour))
		}
	}
	for _, c := range p.columns {
		if o := drawColumn(c); o != nil {
			list = append(list, o)
		}
	}
	return list
}

// drawColour gives a series its colour. A number has it only if there are any: none of what is bad must not look bad.
func drawColour(p panel, name, colour string) obj {
	if p.kind == bigNumber {
		return override("byName", name, "thresholds", thresholds([]level{{0, "text", ""}, {1, colour, ""}}))
	}
	return override("byName", name, "color", obj{"mode": "fixed", "fixedColor": colour})
}

// override sets pairs of a property and its value for the fields that match.
func override(matcher, options string, pairs ...any) obj {
	var properties []obj
	for pair := range slices.Chunk(pairs, 2) {
		properties = append(properties, obj{"id": pair[0], "value": pair[1]})
	}
	return obj{"matcher": obj{"id": matcher, "options": options}, "properties": properties}
}
