package main

import "strings"

// obj is a JSON object. Its keys are written sorted, so that the same tables always give the same file.
type obj = map[string]any

// schemaVersion is that of Grafana 12 and 13; older ones read it as well, newer ones migrate it.
const schemaVersion = 42

// source is the data source that the variable of that name selects.
func source() obj { return obj{"type": "prometheus", "uid": "${datasource}"} }

func drawDashboard(d dashboard, names *catalog) obj {
	return obj{
		"uid": d.uid, "title": d.title, "description": d.about, "tags": []string{"chorus"},
		"schemaVersion": schemaVersion, "editable": true, "graphTooltip": 1, "refresh": "30s",
		"time":        obj{"from": "now-6h", "to": "now"},
		"timepicker":  obj{},
		"links":       []obj{dashboardLinks()},
		"templating":  obj{"list": drawVariables(d)},
		"annotations": obj{"list": drawNotes(d)},
		"panels":      drawRows(d, names),
	}
}

// dashboardLinks leads from every dashboard to the others, which are found by their tag.
func dashboardLinks() obj {
	return obj{
		"type": "dashboards", "title": "Chorus", "tooltip": "The other dashboards of this exporter", "icon": "external link",
		"tags": []string{"chorus"}, "asDropdown": false, "includeVars": true, "keepTime": true, "targetBlank": false,
	}
}

// matchers are what {@} stands for: the variables of the dashboard that are labels of every series. The name alone, not
// ${name:regex}: only so Grafana doubles the backslashes, as a quoted string in PromQL needs it.
func matchers(d dashboard) string {
	var set []string
	for _, v := range d.variables {
		switch {
		case v.name != "cluster" && v.name != "instance":
		case v.single:
			set = append(set, v.name+`="$`+v.name+`"`)
		default:
			set = append(set, v.name+`=~"$`+v.name+`"`)
		}
	}
	return strings.Join(set, ", ")
}

// expand fills in the matchers of an expression.
func expand(d dashboard, expr string) string { return strings.ReplaceAll(expr, "{@", "{"+matchers(d)) }

func drawVariables(d dashboard) []obj {
	list := []obj{{
		"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
		"description": "The Prometheus server that scrapes the exporters.",
		"refresh":     1, "hide": 0, "multi": false, "includeAll": false,
	}}
	for _, v := range d.variables {
		list = append(list, drawVariable(d, v))
	}
	return list
}

func drawVariable(d dashboard, v variable) obj {
	o := obj{"name": v.name, "label": v.label, "hide": 0, "multi": !v.single, "includeAll": !v.single}
	if v.from == "" {
		var options []obj
		for i, text := range v.options {
			options = append(options, obj{"text": text, "value": text, "selected": i == 0})
		}
		o["type"], o["query"], o["options"], o["current"] = "custom", strings.Join(v.options, ","), options, options[0]
		return o
	}
	o["type"], o["datasource"], o["refresh"], o["sort"] = "query", source(), 2, 1
	o["query"] = obj{"qryType": 1, "refId": "variable", "query": "label_values(" + expand(d, v.from) + ", " + v.name + ")"}
	if !v.single {
		// ".*" also takes the series that lack the label.
		o["allValue"] = ".*"
		o["current"] = obj{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}}
	}
	return o
}

func drawNotes(d dashboard) []obj {
	list := []obj{{
		"builtIn": 1, "name": "Annotations & Alerts", "type": "dashboard", "datasource": obj{"type": "grafana", "uid": "-- Grafana --"},
		"enable": true, "hide": true, "iconColor": "rgba(0, 211, 255, 1)",
	}}
	for _, n := range d.notes {
		// In both places: Grafana up to 11 reads the first, later ones the target.
		expr := expand(d, n.expr)
		list = append(list, obj{
			"name": n.title, "datasource": source(), "enable": true, "hide": false, "iconColor": n.colour,
			"expr": expr, "step": noteStep, "target": obj{"refId": "Anno", "expr": expr, "interval": noteStep},
			"titleFormat": n.title, "textFormat": n.text, "tagKeys": "instance", "useValueForTime": n.atValue,
		})
	}
	return list
}

// noteStep is the least step of a note's query.
const noteStep = "15s"

// columns of Grafana's grid.
const columns = 24

// drawRows places the panels: those of a row from left to right, in a new line where the next one does not fit.
func drawRows(d dashboard, names *catalog) []obj {
	var list []obj
	y := 0
	for _, r := range d.rows {
		list = append(list, obj{
			"type": "row", "id": len(list) + 1, "title": r.title, "collapsed": false, "panels": []obj{},
			"gridPos": obj{"x": 0, "y": y, "w": columns, "h": 1},
		})
		y++
		x, tallest := 0, 0
		for _, p := range r.panels {
			if x+p.w > columns {
				x, y, tallest = 0, y+tallest, 0
			}
			o := drawPanel(d, p, names)
			o["id"], o["gridPos"] = len(list)+1, obj{"x": x, "y": y, "w": p.w, "h": p.h}
			list = append(list, o)
			x, tallest = x+p.w, max(tallest, p.h)
		}
		y += tallest
	}
	return list
}
