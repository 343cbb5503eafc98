package main

// Links lead from the fleet to a node, and from a node to the exporter's own page, which says why.

// toNode leads from a row of a table to the dashboard of its node.
var toNode = []link{
	{"This node", "/d/chorus-node?var-datasource=${datasource}&var-instance=${__data.fields.Node}&${__url_time_range}"},
	{"Its own page", "${scheme}://${__data.fields.Node}/"},
}

// seriesToNode does so from a series.
var seriesToNode = []link{
	{"This node", "/d/chorus-node?var-datasource=${datasource}&var-instance=${__field.labels.instance}&${__url_time_range}"},
	{"Its own page", "${scheme}://${__field.labels.instance}/"},
}

// toExporter leads from a number to the page of the node that was chosen.
var toExporter = []link{{"The exporter's own page", "${scheme}://${instance}/"}}

// toCheck leads from a row of a table to what the exporter says of the check: its error, its last results.
var toCheck = []link{
	{"What the exporter says of this check", "${scheme}://${__data.fields.Node}/health/checks/${__data.fields.Check}"},
}

// clusterVariable, like the others that several dashboards have, takes its values from what every exporter exposes.
func clusterVariable() variable {
	return variable{name: "cluster", label: "Cluster", from: `chorus_exporter_build_info`}
}

// schemeVariable says how the exporters' own pages are reached.
func schemeVariable() variable {
	return variable{name: "scheme", label: "Exporters' pages", options: []string{"http", "https"}, single: true}
}

// instanceVariable chooses nodes, or a single one.
func instanceVariable(single bool) variable {
	return variable{name: "instance", label: "Node", from: `chorus_exporter_build_info{cluster=~"$cluster"}`, single: single}
}

// notes are the moments that explain a jump in a graph.
func notes() []note {
	return []note{
		{
			title: "Status changed", text: "{{instance}} is {{status}}", colour: "orange", needs: []need{change},
			expr: `(chorus_health_status{@} == 1) unless (chorus_health_status{@} offset $__interval == 1)`,
		},
		{
			title: "Configuration loaded", text: "{{instance}}", colour: "blue", atValue: true,
			expr: `1000 * chorus_config_last_reload_success_timestamp_seconds{@}`,
		},
		{
			title: "Process started", text: "{{instance}}", colour: "purple", atValue: true,
			expr: `1000 * process_start_time_seconds{@} and on (job, instance) chorus_exporter_build_info{@}`,
		},
	}
}
