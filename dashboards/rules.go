package main

// rules is the exporter itself: whether its rules evaluate, what they cost, what they find, and what is done about it.
func rules() dashboard {
	return dashboard{
		uid: "chorus-rules", title: "Chorus / Rules and evaluator",
		about:     "The exporters themselves: whether their rules evaluate, what that costs, what they find, and the orderly stop.",
		variables: []variable{clusterVariable(), instanceVariable(false), schemeVariable()},
		notes:     notes(),
		rows: []row{
			{"Now", rulesNow()},
			{"Alerts and the orderly stop", rulesActions()},
			{"Evaluator and store", rulesEvaluator()},
			{"Own process", rulesProcess()},
		},
	}
}

func rulesNow() []panel {
	return []panel{
		{
			title: "Oldest evaluation", kind: bigNumber, w: 6, h: 4, unit: "s", levels: stallLevels,
			about:   "How long ago the rules were last evaluated, on the node where that is longest ago.",
			queries: []query{{expr: "max (time() - chorus_evaluator_last_evaluation_timestamp_seconds{@})"}}, none: "not scraped",
		},
		{
			title: "Rules", kind: bigNumber, w: 6, h: 4, unit: "short", words: failingWords,
			about:   "Whether a rule fails to evaluate on any node. Then the status is degraded at best, and nothing is stopped.",
			queries: []query{{expr: "max (chorus_rule_failing{@})"}}, none: "not scraped",
		},
		{
			title: "Configuration", kind: bigNumber, w: 6, h: 4, unit: "short", words: reloadWords,
			about:   "Whether every node took over its newest configuration and rules. A reload that is refused changes nothing.",
			queries: []query{{expr: "min (chorus_config_last_reload_successful{@})"}}, none: "not scraped",
		},
		{
			title: "Alerts that count", kind: bigNumber, w: 6, h: 4, unit: "short", levels: anyIsBad,
			about:   "Alerts of the exporters themselves that fire, for a check, and are not masked.",
			queries: []query{{expr: "count (" + firingAlerts + ") or vector(0)"}},
		},
		{
			title: "Groups with a rule that fails", kind: table, w: 12, h: 6, none: "Every rule evaluates.",
			about:   "The log of the exporter has the rule and its error.",
			queries: []query{{expr: "group by (group, instance, cluster) (chorus_rule_failing{@} > 0)", needs: []need{seldom}}},
			columns: []column{
				{from: "group", title: "Group"}, {from: "instance", title: "Node", links: toNode}, {from: "cluster", title: "Cluster"},
			},
		},
		{
			title: "Configurations that were refused", kind: table, w: 12, h: 6, none: "All nodes took over their configuration.",
			about: "Nodes that run with an older configuration, and how old that is. The log of the exporter has the fault and its line.",
			queries: []query{{
				expr: `max by (instance, cluster) (
  time() - chorus_config_last_reload_success_timestamp_seconds{@}
    and on (job, instance) (chorus_config_last_reload_successful{@} == 0))`,
				needs: []need{seldom},
			}},
			columns: []column{
				{from: "instance", title: "Node", links: toNode},
				{from: "cluster", title: "Cluster"},
				{from: "A", title: "Age of what holds", unit: "s", places: 1, width: 140},
			},
		},
	}
}

func rulesActions() []panel {
	return []panel{
		{
			title: "Alerts over time", kind: graph, w: 12, h: 8, unit: "short", stacked: true, none: "No alert fired.",
			about: "Firing alerts of the exporters by name and severity, over the chosen nodes.",
			queries: []query{{
				expr: "count by (severity, alertname) (" + firingAlerts + ")", legend: "{{severity}} {{alertname}}", needs: []need{failing},
			}},
		},
		{
			title: "Stops over time", kind: timeline, w: 12, h: 8, unit: "short", words: stopWords, none: "not scraped",
			about:   "What each node was doing: running, or how far its stop had come.",
			queries: []query{{expr: stopCode, legend: "{{instance}}"}}, links: seriesToNode,
		},
		{
			title: "Requests to stop", kind: graph, w: 8, h: 7,
			about: "A minute. Accepted: the node stops. Observed: it would have, were shutdown.mode not observe. Repeated: it does " +
				"already.",
			queries: []query{counted("result", "chorus_shutdown_requests_total{@}", "{{result}}")},
		},
		{
			title: "Steps of the stop", kind: graph, w: 8, h: 7,
			about:   "A minute, by what became of them. Few are ever seen here: the process ends soon after the last one.",
			queries: []query{counted("result", "chorus_shutdown_steps_total{@}", "{{result}}")},
		},
		{
			title: "The fleet as it is asked before a stop", kind: graph, w: 8, h: 7, unit: "short", none: "No fleet is configured.",
			about: "Members by the status that they announce, members that are not heard of, and those that stop before this one.",
			queries: []query{
				{expr: "max by (status) (chorus_fleet_members{@})", legend: "{{status}}", needs: []need{needFleet}},
				{expr: "max (chorus_fleet_unseen_members{@})", legend: "unseen", needs: []need{needFleet}},
				{expr: "max (chorus_fleet_shutdown_ahead{@})", legend: "go first", needs: []need{needFleet}},
			},
		},
	}
}

func rulesEvaluator() []panel {
	return []panel{
		{
			title: "Duration of evaluations", kind: heatmap, w: 8, h: 8,
			about:   "Of all rules at once, on all chosen nodes: the darker, the more of them took that long.",
			queries: []query{{expr: buckets("chorus_rule_evaluation_duration_seconds", "@"), needs: []need{classic}}},
		},
		{
			title: "Slow evaluations", kind: graph, w: 8, h: 8, links: seriesToNode,
			about: "On each node: half of the evaluations take at most p50, nearly all at most p95. They should stay far under " +
				"evaluation_interval.",
			queries: quantiles("instance", "chorus_rule_evaluation_duration_seconds", "@", "{{instance}}"),
		},
		{
			title: "Evaluations that failed", kind: graph, w: 8, h: 8,
			about:   "Failed evaluations of rules a minute, by group.",
			queries: []query{counted("group", "chorus_rule_evaluation_failures_total{@}", "{{group}}")},
		},
		{
			title: "Series in the store", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about:   "The store has a bound; what is refused over it no rule sees.",
			queries: []query{seenBy("chorus_evaluator_series", "")},
		},
		{
			title: "Samples in the store", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about:   "Series times what the longest range of a rule needs.",
			queries: []query{seenBy("chorus_evaluator_samples", "")},
		},
		{
			title: "Refused samples", kind: graph, w: 8, h: 8, levels: []level{{0, "green", "none"}, {0.01, "red", "the store is full"}},
			about:   "A minute. With any at all, a rule may miss what it watches for.",
			queries: []query{counted("instance", "chorus_evaluator_series_refused_total{@}", "{{instance}}")},
		},
		{
			title: "Dropped samples", kind: graph, w: 12, h: 8,
			about:   "A minute, by the reason: samples of metrics that bring a timestamp of their own which is too old or too new.",
			queries: []query{counted("reason", "chorus_evaluator_samples_dropped_total{@}", "{{reason}}")},
		},
		{
			title: "Contradictions", kind: graph, w: 12, h: 8,
			levels:  []level{{0, "green", "none"}, {0.01, "red", "the status rules say what the checks do not"}},
			about:   "Evaluations a minute in which the rules recorded a better status than the checks allow. The log says which.",
			queries: []query{counted("instance", "chorus_health_contradictions_total{@}", "{{instance}}")},
		},
	}
}

func rulesProcess() []panel {
	return []panel{
		{
			title: "CPU", kind: graph, w: 6, h: 8, unit: "percentunit", links: seriesToNode,
			about: "Of one core.",
			queries: []query{{
				expr: `sum by (instance) (
  rate(process_cpu_seconds_total{@}[$__rate_interval]) and on (job, instance) chorus_exporter_build_info{@})`,
				legend: "{{instance}}",
			}},
		},
		{
			title: "Memory", kind: graph, w: 6, h: 8, links: seriesToNode,
			about:   "What the process holds in memory.",
			queries: []query{own("process_resident_memory_bytes", "{{instance}}")},
		},
		{
			title: "Goroutines and files", kind: graph, w: 6, h: 8, unit: "short", links: seriesToNode,
			about:   "What grows without end is a leak.",
			queries: []query{own("go_goroutines", "{{instance}} goroutines"), own("process_open_fds", "{{instance}} open files")},
		},
		{
			title: "Scrapes", kind: graph, w: 6, h: 8, links: seriesToNode,
			about: "How long Prometheus needs to scrape the exporter.",
			queries: []query{
				own("scrape_duration_seconds", "{{instance}} duration"),
			},
		},
	}
}

// own is a metric that every process has, of the exporters alone.
func own(name, legend string) query {
	return query{
		expr:   "max by (instance) (" + name + "{@} and on (job, instance) chorus_exporter_build_info{@})",
		legend: legend,
	}
}
