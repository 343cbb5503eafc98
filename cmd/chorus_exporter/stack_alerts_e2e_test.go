//go:build e2e && linux

package main

import "strings"

// alert is what is told of one: its labels, written name=value, and its summary and description.
func alert(summary, description string, labels ...string) notification {
	n := notification{Labels: map[string]string{}, Annotations: map[string]string{"summary": summary}}
	if description != "" {
		n.Annotations["description"] = description
	}
	for _, label := range labels {
		name, value, _ := strings.Cut(label, "=")
		n.Labels[name] = value
	}
	return n
}

func down(c *child) notification {
	return alert("Exporter is down", instance(c)+" has not answered a scrape for 5 minutes: nothing is known of its node",
		"alertname=ChorusExporterDown", "severity=critical", "cluster=west", "instance="+instance(c))
}

// expected are the alerts that follow from what fails.
func expected(m *monitored) []notification {
	const database = "check_name=database-connectivity"
	east, west := "instance="+instance(m.east[0]), "instance="+instance(m.west[0])
	leaver := "instance=" + instance(m.west[1])
	return []notification{
		alert("Critical health check failing", "database-connectivity has been failing for 5 minutes",
			"alertname=HealthCheckFailing", "severity=critical", "cluster=east", "job=chorus_exporter", database, east),
		alert("Critical health check failing", "database-connectivity has been failing for 5 minutes",
			"alertname=HealthCheckFailing", "severity=critical", "cluster=west", "job=chorus_exporter", database, west),
		alert("database-connectivity in the east has failed", "",
			"alertname=DatabaseHasFailed", "severity=page", "cluster=east", database, east),
		alert("Low system health score", "System health score: 0.5",
			"alertname=LowSystemHealth", "severity=warning", "cluster=west", west),
		alert("Component database degraded", "Health score: 0",
			"alertname=ComponentDegraded", "severity=warning", "cluster=east", "component=database", east),
		alert("Node is unhealthy", instance(m.east[0])+" has been unhealthy for 15 minutes; /health says why",
			"alertname=ChorusUnhealthy", "severity=warning", east),
		alert("Exporter refused its configuration", "The last reload found a fault, so the configuration and the rules of "+
			"before are still in force. If the fault is in the files, the next start fails.",
			"alertname=ChorusConfigReloadFailed", "severity=warning", east),
		alert("Exporter can not evaluate rules of the group own", "What these rules would say is not known, and no rule "+
			"may stop the node.", "alertname=ChorusRuleFailing", "severity=warning", "group=own", east),
		alert("Cluster east is in trouble", "100% of the nodes are unhealthy, stopping or do not answer",
			"alertname=ChorusFleetUnhealthy", "severity=critical", "cluster=east"),
		alert("Key probe of cluster east is held by too few nodes", "No exporter finds more than 2 nodes that hold it, under "+
			"p2p.replication.min_holders", "alertname=ChorusReplicationUnderTarget", "severity=warning", "cluster=east"),
		alert("Shutdown of a node is held back", "Critical check database-connectivity is failing, and the fleet or a failing "+
			"rule holds the shutdown back", "alertname=ChorusShutdownHeldBack", "severity=warning", database, east),
		alert("Node would be stopped by a rule", "Critical check database-connectivity has been failing; shutdown.mode is "+
			"observe, so nothing is done", "alertname=ChorusShutdownRequested", "severity=info", database, west),
		alert("Node is stopped by a rule", "Critical check database-connectivity has been failing, and the node is drained "+
			"and told to go", "alertname=ChorusShutdownRequested", "severity=warning", database, leaver),
	}
}
