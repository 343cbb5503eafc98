package main

const p2pComponents = `component=~"p2p|pubsub|dht|election|replication"`

// p2p is the libp2p cluster as the exporters see it.
func p2p() dashboard {
	return dashboard{
		uid: "chorus-p2p", title: "Chorus / P2P",
		about:     "The libp2p cluster as the exporters see it: connections, GossipSub, the DHT, replication and the election.",
		variables: []variable{clusterVariable(), instanceVariable(false), schemeVariable()},
		notes:     notes(),
		rows: []row{
			{"Now", p2pNow()},
			{"Connections", with(p2pPeers(), needP2P)},
			{"GossipSub", with(p2pPubsub(), needP2P)},
			{"DHT", with(p2pDHT(), needP2P)},
			{"Replication", with(p2pReplication(), needP2P)},
			{"Election", with(p2pElection(), election)},
		},
	}
}

func p2pNow() []panel {
	return []panel{
		{
			title: "Components", kind: bigNumber, w: 12, h: 4, unit: "none", min: number(0), max: number(1), levels: scoreLevels,
			about: "The lowest score that any of the exporters gives each component.",
			queries: []query{{
				expr:   `min by (component) (chorus_component_health_score{@, ` + p2pComponents + `})`,
				legend: "{{component}}", needs: []need{needP2P},
			}},
			none: "no cluster is configured",
		},
		{
			title: "Leader", kind: bigNumber, w: 6, h: 4, unit: "short", words: electionWords,
			about:   "The worst that any exporter sees: one leader, none, or several.",
			queries: []query{{expr: "max (" + electionCode + ")", needs: []need{election}}}, none: "no election is configured",
		},
		{
			title: "Fewest connected nodes", kind: bigNumber, w: 6, h: 4, unit: "short", levels: []level{
				{0, "red", "nobody"}, {1, "yellow", "fewer than min_peers has by default"}, {3, "green", "enough by default"},
			},
			about:   "Of how many cluster nodes the exporter with the fewest is connected to.",
			queries: []query{{expr: "min (chorus_p2p_connected_peers{@})", needs: []need{needP2P}}}, none: "no cluster is configured",
		},
		{
			title: "What fails in the cluster", kind: table, w: 14, h: 7, none: "Nothing fails.", sort: "Check",
			about: "The alerts of these components that count. An alert that only one node has is that node's, one that all have " +
				"the cluster's.",
			queries: []query{{
				expr: `group by (severity, alertname, check_name, component, instance, cluster) (
  chorus_health_alert{@, ` + p2pComponents + `})`,
				needs: []need{needP2P, failing},
			}},
			columns: []column{
				{from: "severity", title: "Severity", width: 90},
				{from: "alertname", title: "Alert"},
				{from: "check_name", title: "Check", links: toCheck},
				{from: "component", title: "Component"},
				{from: "instance", title: "Node", links: toNode},
				{from: "cluster", title: "Cluster"},
			},
		},
		{
			title: "Who leads", kind: table, w: 10, h: 7, unit: "short", none: "No exporter sees a leader.", sort: "Exporters",
			about: "Every node that claims to lead in the newest term, and how many exporters see it do so. Two rows in one cluster " +
				"are a split.",
			queries: []query{
				{expr: `count by (cluster, leader) (chorus_election_leader_info{@})`, needs: []need{election}},
				{expr: `max by (cluster, leader) (
  chorus_election_leader_info{@} * on (job, instance) group_left () chorus_election_term{@})`, needs: []need{election}},
			},
			columns: []column{
				{from: "leader", title: "Leader"},
				{from: "cluster", title: "Cluster"},
				{from: "A", title: "Exporters", unit: "short", width: 90},
				{from: "B", title: "Term", unit: "none", width: 90},
			},
		},
	}
}

func p2pPeers() []panel {
	return []panel{
		{
			title: "Connected nodes", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about: "Under the dashed line connectivity counts as lost.",
			queries: []query{
				seenBy("chorus_p2p_connected_peers", ""), limitOf("chorus_p2p_min_peers", "min_peers"),
			},
		},
		{
			title: "Ping latency", kind: heatmap, w: 8, h: 8, none: "no ping was answered",
			about:   "Round trips of pings from all exporters to connected nodes: the darker, the more of them took that long.",
			queries: []query{{expr: buckets("chorus_p2p_peer_latency_seconds", "@"), needs: []need{classic}}},
		},
		{
			title: "Failed pings, resets and refused dials", kind: graph, w: 8, h: 8,
			about: "Pings without an answer, legs that were connected and silent, and dials to who is not on the list, a minute.",
			queries: []query{
				counted("instance", "chorus_p2p_ping_failures_total{@}", "{{instance}} pings failed"),
				counted("instance, leg", "chorus_p2p_leg_resets_total{@}", "{{instance}} {{leg}} reset"),
				counted("instance, leg", "chorus_p2p_dials_refused_total{@}", "{{instance}} {{leg}} dials refused"),
			},
		},
	}
}

func p2pPubsub() []panel {
	return []panel{
		{
			title: "Message latency, one way", kind: graph, w: 8, h: 8, none: "no message arrived",
			about:   "How long a message of the probe takes through other nodes.",
			queries: quantiles("instance", "chorus_pubsub_probe_oneway_seconds", "@", "{{instance}}"),
		},
		{
			title: "Topic, mesh and copies", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about: "Nodes on the probe's topic, those in our mesh, and copies of the last message: one copy only means one path only.",
			queries: []query{
				seenBy("chorus_pubsub_topic_peers", "on the topic"),
				seenBy("chorus_pubsub_mesh_peers", "in the mesh"),
				seenBy("chorus_pubsub_probe_copies", "copies"),
			},
		},
		{
			title: "Failed runs by reason", kind: graph, w: 8, h: 8,
			about: "Runs of the probes of GossipSub that failed, and messages that arrived changed, a minute.",
			queries: []query{
				{
					expr:   perMinute("check_name, reason", `chorus_health_check_errors_total{@, check_name=~"pubsub-.+"}`),
					legend: "{{check_name}} {{reason}}",
				},
				counted("instance", "chorus_pubsub_integrity_failures_total{@}", "{{instance}} changed"),
			},
		},
	}
}

func p2pDHT() []panel {
	return []panel{
		{
			title: "Latency of put and get", kind: graph, w: 8, h: 8, none: "no node answered",
			about: "How long the nodes closest to the probe's key take to answer, over all exporters.",
			queries: append(
				quantiles("", "chorus_dht_probe_put_seconds", "@", "put"),
				quantiles("", "chorus_dht_probe_get_seconds", "@", "get")...),
		},
		{
			title: "What the nodes answered", kind: graph, w: 8, h: 8, unit: "short",
			about: "In the last run, over all exporters: a node acked the put; it held the value, had none, or had another; or it " +
				"was silent. " +
				"Absent, corrupt and silent ones are what is wrong.",
			queries: []query{{expr: "sum by (result) (chorus_dht_probe_peers{@})", legend: "{{result}}"}},
		},
		{
			title: "Routing table and servers", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about: "Nodes in the routing table of the probe and nodes that serve the DHT. Wrong answers are counted a minute.",
			queries: []query{
				seenBy("chorus_dht_servers", "serve"),
				seenBy("chorus_dht_routing_table_peers", "routing table"),
				counted("instance", "chorus_dht_integrity_failures_total{@}", "{{instance}} wrong answers a minute"),
			},
		},
	}
}

func p2pReplication() []panel {
	return []panel{
		{
			title: "Holders of watched keys", kind: graph, w: 8, h: 8, unit: "short",
			about: "The fewest nodes that any exporter found to hold the key. The key probe is the probe's own record.",
			queries: []query{
				{expr: "min by (cluster, key) (chorus_replication_holders{@})", legend: "{{cluster}} {{key}}"},
				limitOf("chorus_replication_min_holders", "required"),
			},
		},
		{
			title: "Replication factor", kind: graph, w: 8, h: 8, min: number(0), links: seriesToNode,
			about:   "Holders of the probe's own record as a share of the nodes that should hold it.",
			queries: []query{seenBy("chorus_replication_factor_ratio", "")},
		},
		{
			title: "Providers and failures", kind: graph, w: 8, h: 8, unit: "short",
			about: "Providers on record for each watched key; and a minute, keys that could not be looked up or had too few holders.",
			queries: []query{
				{
					expr:   "min by (cluster, key) (chorus_replication_provider_records{@})",
					legend: "{{cluster}} {{key}} providers", needs: []need{replication},
				},
				counted("instance", "chorus_replication_failures_total{@}", "{{instance}} failures a minute"),
			},
		},
	}
}

func p2pElection() []panel {
	return []panel{
		{
			title: "Election as each exporter sees it", kind: timeline, w: 12, h: 8, unit: "short", words: electionWords,
			about:   "One leader, none, or several at once. Where exporters differ, the cluster is parted.",
			queries: []query{{expr: electionCode, legend: "{{instance}}"}}, links: seriesToNode, none: "no election is configured",
		},
		{
			title: "Age of the last heartbeat", kind: graph, w: 12, h: 8, unit: "s", links: seriesToNode,
			about: "Over the dashed line there is no leader.",
			queries: []query{
				{
					expr:   "time() - max by (cluster, instance) (chorus_election_last_heartbeat_timestamp_seconds{@})",
					legend: "{{instance}}",
				},
				limitOf("chorus_election_heartbeat_timeout_seconds", "heartbeat_timeout"),
			},
		},
		{
			title: "Heartbeats", kind: graph, w: 8, h: 8,
			about:   "A minute, over all exporters, by what became of them: accepted, or why they were refused.",
			queries: []query{counted("result", "chorus_election_heartbeats_total{@}", "{{result}}")},
		},
		{
			title: "Heartbeat latency and clock skew", kind: graph, w: 8, h: 8, links: seriesToNode,
			about: "How long heartbeats take, the difference of the clocks included, and that difference by itself.",
			queries: append(
				quantiles("instance", "chorus_election_heartbeat_latency_seconds", "@", "{{instance}}"),
				seenBy("chorus_election_clock_skew_seconds", "skew")),
		},
		{
			title: "Terms and leadership changes", kind: graph, w: 8, h: 8, unit: "short", links: seriesToNode,
			about: "Each step is a new leader or a new term. Stability is 1 after an hour without one.",
			queries: []query{
				seenBy("chorus_election_term", "term"),
				{
					expr:   within("cluster, instance", "chorus_election_leadership_changes_total{@}"),
					legend: "{{instance}} changes in the time shown",
				},
				{expr: "min by (cluster, instance) (chorus_election_stability_ratio{@})", legend: "{{instance}} stability"},
			},
		},
	}
}
