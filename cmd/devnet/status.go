package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"chorus/probes/p2p/devnet"
)

// printStatus prints a table, a node a line.
func printStatus(w io.Writer, nodes []devnet.NodeStatus) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NODE\tSTATE\tGROUP\tPID\tPEERS\tHEARS\tLEADS\tTERM\tUPTIME\tRECEIVED\tTASKS\tLEVERS\tID")
	for _, n := range nodes {
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t", n.Index, n.State, n.Group, n.PID)
		if r := n.Report; r != nil {
			fmt.Fprintf(t, "%d\t%d\t%s\t%d\t%v\t%d\t%s\t%s\t", r.Peers, r.Alive, yes(r.Leads), r.Term,
				r.Uptime.Truncate(time.Second), r.Received, tasks(r.Tasks), pulled(*r))
		} else {
			fmt.Fprint(t, strings.Repeat("-\t", 8))
		}
		fmt.Fprintln(t, n.ID)
	}
	return t.Flush()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

// tasks says what runs, what waits, and what has ended well and badly.
func tasks(c devnet.TaskCounts) string {
	return fmt.Sprintf("%d/%d run, %d wait, %d ok, %d failed", c.Active, c.Capacity, c.Queued, c.Succeeded, c.Failed)
}

// pulled names the levers that are pulled.
func pulled(r devnet.Report) string {
	var levers []string
	if r.Delay > 0 {
		levers = append(levers, fmt.Sprintf("slow %v", r.Delay))
	}
	if r.Corrupt {
		levers = append(levers, "corrupt")
	}
	if r.Flood > 0 {
		levers = append(levers, fmt.Sprintf("flood %d", r.Flood))
	}
	if len(levers) == 0 {
		return "-"
	}
	return strings.Join(levers, ", ")
}
