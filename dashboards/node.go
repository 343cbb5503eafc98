package main

// node is one exporter: its status, since when, what fails and why, then every check and the resources of its machine.
func node() dashboard {
	instance := instanceVariable(true)
	return dashboard{
		uid: "chorus-node", title: "Chorus / Node",
		about:     "One node: its status, since when, what fails there and why.",
		variables: []variable{clusterVariable(), instance, checkVariable(instance), schemeVariable()},
		notes:     notes(),
		rows: []row{
			{"Now", append(nodeNumbers(), nodeAlerts(), nodeReasons())},
			{"Over time", nodeTimelines()},
			{"Checks", nodeChecks()},
			{"Resources", nodeResources()},
		},
	}
}

func nodeNumbers() []panel {
	return []panel{
		{
			title: "Status", kind: bigNumber, w: 5, h: 4, unit: "short", words: statusWords, links: toExporter,
			about:   "What the exporter answers at /health: it is healthy, degraded or unhealthy by its rules, or starting or stopping.",
			queries: []query{{expr: statusCode}}, none: "not scraped",
		},
		{
			title: "In this status for", kind: bigNumber, w: 4, h: 4, unit: "s",
			about:   "How long it has had this status; since its start where there was no other.",
			queries: []query{{expr: sinceStatus}}, none: "not scraped",
		},
		{
			title: "Score", kind: bigNumber, w: 4, h: 4, unit: "none", min: number(0), max: number(1), levels: scoreLevels,
			about: "The system score. The exporter judges it by its own thresholds, which are in the graph of the scores.",
			queries: []query{
				{expr: `sum by (cluster, instance) (chorus_system_health_score{@})`},
			}, none: "no score",
		},
		{
			title: "Last evaluation", kind: bigNumber, w: 4, h: 4, unit: "s", levels: stallLevels,
			about:   "How long ago the rules were last evaluated. If this is old, nothing else here is the truth.",
			queries: []query{{expr: `time() - max by (cluster, instance) (chorus_evaluator_last_evaluation_timestamp_seconds{@})`}},
			none:    "not scraped",
		},
		{
			title: "Orderly stop", kind: bigNumber, w: 4, h: 4, unit: "short", words: stopWords,
			about:   "Whether the node is being stopped, and how far that has come.",
			queries: []query{{expr: stopCode}}, none: "not scraped",
		},
		{
			title: "Version", kind: bigNumber, w: 3, h: 4, unit: "string",
			about:   "Which exporter runs there.",
			queries: []query{{expr: `group by (version) (chorus_exporter_build_info{@})`, legend: "{{version}}"}}, none: "not scraped",
		},
	}
}

func nodeAlerts() panel {
	return panel{
		title: "What fails", kind: table, w: 14, h: 7, sort: "Check", none: "Nothing fails.",
		about: "The alerts of the exporter that count: firing, for a check, and not masked by another check. A check leads to " +
			"what the " +
			"exporter says of it: its error and its last results. What an alert means is in its runbook.",
		queries: []query{{expr: firingAlerts, needs: []need{failing}}},
		columns: []column{
			{from: "severity", title: "Severity", width: 90},
			{from: "alertname", title: "Alert"},
			{from: "check_name", title: "Check", links: toCheck},
			{from: "component", title: "Component"},
			{from: "instance", title: "Node"},
			{from: "cluster", title: "Cluster"},
		},
	}
}

func nodeReasons() panel {
	return panel{
		title: "Why: failed runs by reason", kind: table, w: 10, h: 7, unit: "short", sort: "Runs", none: "No run of a probe failed.",
		about: "Runs of probes that failed within the time shown, by the kind of the error. Rule checks have no runs: their " +
			"alerts say why.",
		queries: []query{{
			expr:  within("check_name, reason, instance", `chorus_health_check_errors_total{@, check_name=~"$check_name"}`) + " > 0",
			needs: []need{failing},
		}},
		columns: []column{
			{from: "check_name", title: "Check", links: toCheck},
			{from: "reason", title: "Reason"},
			{from: "instance", title: "Node"},
			{from: "A", title: "Runs", unit: "short", width: 90, levels: anyIsBad},
		},
	}
}

func nodeTimelines() []panel {
	return []panel{
		{
			title: "Status over time", kind: timeline, w: 24, h: 4, unit: "short", words: statusWords, none: "not scraped",
			about:   "Which status when. Where there is nothing, the exporter was not scraped.",
			queries: []query{{expr: statusCode, legend: "status"}},
		},
		{
			title: "Checks over time", kind: timeline, w: 12, h: 9, unit: "short", words: checkWords, none: "no check",
			about: "Every check by its score: it passes, it warns, or it fails or is unknown.",
			queries: []query{{
				expr: `min by (check_name) (chorus_health_check_score{@, check_name=~"$check_name"})`, legend: "{{check_name}}",
			}},
		},
		{
			title: "Scores", kind: graph, w: 12, h: 9, unit: "none", min: number(0), max: number(1),
			about: "The system, its components, and the thresholds that this node is configured with.",
			queries: []query{
				{expr: `min by (instance) (chorus_system_health_score{@})`, legend: "system"},
				{expr: `min by (component) (chorus_component_health_score{@})`, legend: "{{component}}"},
				{expr: `min by (name) (chorus_health_threshold{@})`, legend: "limit of {{name}}", limit: true},
			},
		},
	}
}

func nodeChecks() []panel {
	return []panel{
		{
			title: "Every check", kind: table, w: 24, h: 9, sort: "Failures in a row", none: "no check",
			about: "What is checked, whether it has passed once since it was declared, whether the last run passed, and how old " +
				"that is. A check leads to what the exporter says of it.",
			queries: []query{
				{expr: `group by (instance, check_name, component, critical, kind) (chorus_health_check_info{@, check_name=~"$check_name"})`},
				{expr: `min by (instance, check_name) (chorus_health_check_healthy{@, check_name=~"$check_name"})`},
				{expr: `max by (instance, check_name) (chorus_health_check_consecutive_failures{@, check_name=~"$check_name"})`},
				{expr: `min by (instance, check_name) (chorus_health_check_success_ratio{@, check_name=~"$check_name"})`},
				{expr: `time() - max by (instance, check_name) (
  chorus_health_check_last_run_timestamp_seconds{@, check_name=~"$check_name"})`},
				{expr: `max by (instance, check_name) (chorus_health_check_interval_seconds{@, check_name=~"$check_name"})`},
				{expr: `min by (instance, check_name) (chorus_health_check_proven{@, check_name=~"$check_name"})`},
			},
			columns: []column{
				{from: "check_name", title: "Check", links: toCheck},
				{from: "component", title: "Component"},
				{from: "critical", title: "Critical", width: 80},
				{from: "kind", title: "Kind", width: 80},
				{from: "G", title: "Ever", unit: "short", width: 110, words: provenWords},
				{from: "B", title: "Last run", unit: "short", width: 100, words: passWords},
				{from: "C", title: "Failures in a row", unit: "short", width: 120, levels: anyIsDoubtful},
				{from: "D", title: "Passed in 10 min", unit: "percentunit", places: 1, width: 120},
				{from: "E", title: "Age", unit: "s", places: 1, width: 90},
				{from: "F", title: "Runs every", unit: "s", places: 1, width: 100},
				{from: "instance", title: "Node"},
			},
		},
		{
			title: "Failed runs", kind: graph, w: 12, h: 8,
			about: "How often a minute runs of the check fail.",
			queries: []query{{
				expr: perMinute("check_name", `chorus_health_checks_failed_total{@, check_name=~"$check_name"}`), legend: "{{check_name}}",
			}},
		},
		{
			title: "Duration of runs", kind: graph, w: 12, h: 8, none: "No probe ran.",
			about:   "How long the runs of probes take: half of them at most p50, nearly all at most p95. Rule checks have no runs.",
			queries: quantiles("check_name", "chorus_health_check_duration_seconds", `@, check_name=~"$check_name"`, "{{check_name}}"),
		},
	}
}

func nodeResources() []panel {
	of := func(title, about, metric, resource, label string) panel {
		by := "instance"
		legend := "used"
		if label != "" {
			by, legend = label, "{{"+label+"}}"
		}
		return panel{
			title: title, kind: graph, w: 8, h: 8, min: number(0), max: number(1), about: about,
			queries: []query{
				{expr: "max by (" + by + ") (" + metric + "{@})", legend: legend},
				{expr: `max by (resource) (chorus_resource_threshold_ratio{@, resource="` + resource + `"})`, legend: "limit", limit: true},
			},
		}
	}
	return []panel{
		of("CPU", "What is used of the CPU time that the cgroup, or else the machine, has.",
			"chorus_resource_cpu_utilization_ratio", "cpu", ""),
		of("Memory", "What is used of the memory that the cgroup, or else the machine, has.",
			"chorus_resource_memory_utilization_ratio", "memory", ""),
		of("Disks", "How full each configured path is. A path that can't be read has a gap.",
			"chorus_resource_disk_utilization_ratio", "disk", "path"),
		of("Inodes", "Which share of its inodes the file system of each path has used. Some file systems do not count them.",
			"chorus_resource_disk_inodes_utilization_ratio", "inodes", "path"),
		{
			title: "State of disks", kind: table, w: 8, h: 8, sort: "Path", none: "no path",
			about: "Whether each path is read-only, and whether it is on another file system than at the first reading. A value " +
				"that is old was not read again.",
			queries: []query{
				{expr: "max by (path) (chorus_resource_disk_readonly{@})"},
				{expr: "max by (path) (chorus_resource_disk_replaced{@})"},
				{expr: "max by (path) (chorus_resource_disk_age_seconds{@})"},
			},
			columns: []column{
				{from: "path", title: "Path"},
				{from: "A", title: "Writing", unit: "short", width: 100, words: writableWords},
				{from: "B", title: "File system", unit: "short", width: 100, words: replacedWords},
				{from: "C", title: "Age", unit: "s", places: 1, width: 90},
			},
		},
		{
			title: "What cannot be read", kind: table, w: 8, h: 8, sort: "Resource", none: "All resources can be read.",
			about: "Resources and paths that cannot be read, and why. The exporter's log has the error.",
			queries: []query{{
				expr: "group by (resource, path, reason) (chorus_resource_unreadable{@} > 0)", needs: []need{seldom},
			}},
			columns: []column{
				{from: "resource", title: "Resource"}, {from: "path", title: "Path"}, {from: "reason", title: "Reason"},
			},
		},
	}
}
