package main

import "strings"

// fleet is what one looks at first: how many nodes are not well, which, and what fails there. It reads what the rules of
// alerts/fleet.rules.yml record, and node by node what each exporter says of itself.
func fleet(names *catalog) dashboard {
	return dashboard{
		uid: "chorus-fleet", title: "Chorus / Fleet",
		about:     "All exporters: how many nodes are not well, which ones, and what fails there.",
		variables: []variable{clusterVariable(), checkVariable(clusterVariable()), schemeVariable()},
		notes:     notes(),
		rows: []row{
			{"Now", append(fleetNumbers(), fleetAlerts(names), fleetChecks())},
			{"Nodes", []panel{fleetNodes(), fleetHistory()}},
			{"Over time", fleetGraphs()},
			{"Components and checks", fleetComponents()},
		},
	}
}

func fleetNumbers() []panel {
	var perStatus []query
	for _, status := range []string{"healthy", "degraded", "unhealthy", "starting", "stopping"} {
		perStatus = append(perStatus, query{
			expr:   `sum (cluster_status:chorus_health_status:sum{@, status="` + status + `"})`,
			legend: status,
		})
	}
	return []panel{
		{
			title: "Nodes by status", kind: bigNumber, w: 12, h: 4, queries: perStatus, colours: statusColours,
			about: "How many nodes have which status now.",
			none:  "no exporter is scraped, or the rules of alerts/ are not loaded",
		},
		{
			title: "Not scraped", kind: bigNumber, w: 4, h: 4, unit: "short", levels: anyIsBad,
			about:   "Nodes that Prometheus should scrape and can't. They have no status, and are in no other count.",
			queries: []query{{expr: "sum (cluster:chorus_exporter_down:count{@})"}}, none: "the rules of alerts/ are not loaded",
		},
		{
			title: "Unhealthy share", kind: bigNumber, w: 4, h: 4, max: number(1),
			levels:  shareLevels,
			about:   "Share of the nodes of each cluster that are unhealthy.",
			queries: []query{{expr: clusterName(`cluster:chorus_health_status_unhealthy:ratio{@}`), legend: "{{cluster}}"}},
			none:    "no exporter is scraped, or the rules of alerts/ are not loaded",
		},
		{
			title: "Worst score", kind: bigNumber, w: 4, h: 4, unit: "none", min: number(0), max: number(1), levels: scoreLevels,
			about:   "The lowest system score of a node in each cluster.",
			queries: []query{{expr: clusterName(`cluster:chorus_system_health_score:min{@}`), legend: "{{cluster}}"}},
			none:    "no exporter is scraped, or the rules of alerts/ are not loaded",
		},
	}
}

func fleetAlerts(names *catalog) panel {
	return panel{
		title: "Alerts of the Prometheus server", kind: table, w: 14, h: 8, none: "No alert fires or is about to.",
		about: "What the rules under alerts/ find, for the fleet and for single nodes: firing, or pending until it has lasted. " +
			"Each has a runbook.",
		queries: []query{{
			expr: `group by (severity, alertstate, alertname, cluster, instance, check_name, component) (
  ALERTS{@, alertname=~"` + strings.Join(names.alerts, "|") + `"})`,
			needs: []need{failing},
		}},
		columns: []column{
			{from: "alertstate", title: "State", width: 80},
			{from: "severity", title: "Severity", width: 80},
			{from: "alertname", title: "Alert"},
			{from: "cluster", title: "Cluster"},
			{from: "instance", title: "Node", links: toNode},
			{from: "check_name", title: "Check"},
			{from: "component", title: "Component"},
		},
	}
}

func fleetChecks() panel {
	return panel{
		title: "Checks failing on how many nodes", kind: table, w: 10, h: 8, sort: "Nodes", none: "No check fails anywhere.",
		about: "A check that fails on one node is a fault of that node; one that fails on many has a shared cause.",
		queries: []query{{
			expr:  `sum by (cluster, check_name) (cluster_check:chorus_health_check_failing:count{@, check_name=~"$check_name"}) > 0`,
			needs: []need{failing},
		}},
		columns: []column{
			{from: "check_name", title: "Check"},
			{from: "cluster", title: "Cluster"},
			{from: "A", title: "Nodes", unit: "short", width: 90, levels: anyIsBad},
		},
	}
}

func fleetNodes() panel {
	return panel{
		title: "Nodes, the worst first", kind: table, w: 14, h: 11, sort: "Status", none: "No exporter is scraped.",
		about: "Every node with its status, for how long it has had it, its score and how many checks " +
			"fail there. A node leads to its dashboard and to its own page.",
		queries: []query{
			{expr: statusCode + ` or 5 * ` + unscraped},
			{expr: sinceStatus},
			{expr: `sum by (cluster, instance) (chorus_system_health_score{@})`},
			{expr: `count by (cluster, instance) (
  group by (cluster, instance, check_name) (chorus_health_alert{@, severity=~"critical|warning"}))`, needs: []need{failing}},
			{expr: `group by (cluster, instance, version) (chorus_exporter_build_info{@})`},
		},
		columns: []column{
			{from: "instance", title: "Node", links: toNode},
			{from: "cluster", title: "Cluster"},
			{from: "A", title: "Status", unit: "short", width: 110, words: statusWords},
			{from: "B", title: "For the last", unit: "s", places: 1, width: 100},
			{from: "C", title: "Score", unit: "none", places: 2, width: 90, levels: scoreLevels},
			{from: "D", title: "Failing checks", unit: "short", width: 110, levels: anyIsBad},
			{from: "version", title: "Version"},
		},
	}
}

func fleetHistory() panel {
	return panel{
		title: "Status of every node", kind: timeline, w: 10, h: 11, unit: "short", words: statusWords,
		about:   "Which node was in which status when, twenty to a page. Where there is nothing, it was not scraped.",
		links:   seriesToNode,
		queries: []query{{expr: statusCode, legend: "{{cluster}} {{instance}}"}},
		none:    "No exporter is scraped.",
	}
}

func fleetGraphs() []panel {
	return []panel{
		{
			title: "Nodes by status over time", kind: graph, w: 12, h: 8, unit: "short", stacked: true, colours: statusColours,
			about:   "How many nodes had which status. The height of all is the number of nodes that are scraped.",
			queries: []query{{expr: `sum by (status) (cluster_status:chorus_health_status:sum{@})`, legend: "{{status}}"}},
		},
		{
			title: "Score by cluster", kind: graph, w: 12, h: 8, unit: "none", min: number(0), max: number(1), levels: scoreLevels,
			about: "The mean says how the cluster is, the worst node how far a single one has fallen.",
			queries: []query{
				{expr: clusterName(`cluster:chorus_system_health_score:min{@}`), legend: "{{cluster}} worst node"},
				{expr: clusterName(`cluster:chorus_system_health_score:avg{@}`), legend: "{{cluster}} mean"},
			},
		},
	}
}

func fleetComponents() []panel {
	return []panel{
		{
			title: "Components by cluster", kind: table, w: 8, h: 8, none: "No component is scored.",
			about: "Every component with the score of its worst node and the mean of all nodes.",
			queries: []query{
				{expr: `sum by (cluster, component) (cluster_component:chorus_component_health_score:min{@})`},
				{expr: `sum by (cluster, component) (cluster_component:chorus_component_health_score:avg{@})`},
			},
			columns: []column{
				{from: "component", title: "Component"},
				{from: "cluster", title: "Cluster"},
				{from: "A", title: "Worst", unit: "none", places: 2, width: 90, levels: scoreLevels},
				{from: "B", title: "Mean", unit: "none", places: 2, width: 90, levels: scoreLevels},
			},
		},
		{
			title: "Failing checks", kind: graph, w: 8, h: 8, unit: "short",
			about: "On how many nodes a critical or warning alert fired for the check.",
			queries: []query{{
				expr:   `sum by (check_name) (cluster_check:chorus_health_check_failing:count{@, check_name=~"$check_name"})`,
				legend: "{{check_name}}",
			}},
		},
		{
			title: "Share of runs that passed", kind: graph, w: 8, h: 8, min: number(0), max: number(1),
			about: "Over all nodes of a cluster, within five minutes.",
			queries: []query{{
				expr:   clusterName(`cluster_check:chorus_health_checks_passed:ratio_rate5m{@, check_name=~"$check_name"}`),
				legend: "{{cluster}} {{check_name}}",
			}},
		},
	}
}

// checkVariable chooses checks, of what another variable has chosen.
func checkVariable(of variable) variable {
	operator := "=~"
	if of.single {
		operator = "="
	}
	from := `chorus_health_check_info{` + of.name + operator + `"$` + of.name + `"}`
	return variable{name: "check_name", label: "Check", from: from}
}
