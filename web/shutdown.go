package web

import (
	"net/http"
	"time"

	"chorus/evaluator"
	"chorus/evaluator/shutdown"
)

// Shutdown is what a Handler asks a *shutdown.Manager for.
type Shutdown interface {
	State() shutdown.State
}

// shutdownPath is outside the paths that are rendered beforehand.
const shutdownPath = "/health/shutdown"

// shutdownJSON is what /health tells of an orderly stop, and the beginning of what /health/shutdown does.
type shutdownJSON struct {
	Mode     string            `json:"mode,omitempty"` // what happens when a rule asks for a stop
	State    shutdown.Stage    `json:"state"`
	Since    instant           `json:"since"`
	Deadline *instant          `json:"deadline,omitempty"` // when all will be over, once the stop has begun
	Request  *shutdown.Request `json:"request,omitempty"`  // what began it
	HeldBack []actionJSON      `json:"held_back,omitempty"`
}

// actionJSON is a while in which rules asked for an action, or said that it is held back.
type actionJSON struct {
	Action   string   `json:"action"`
	Check    string   `json:"check,omitempty"`
	Rule     string   `json:"rule"`
	Summary  string   `json:"summary"`
	HeldBack string   `json:"held_back,omitempty"` // why it was not done
	ActiveAt instant  `json:"active_at"`
	FiredAt  instant  `json:"fired_at"`
	EndedAt  *instant `json:"ended_at,omitempty"`
}

// shutdownReportJSON is the answer to /health/shutdown: where the stop is, step by step, and for which rules it was or
// would have been, newest first. With mode observe it is the report of a dry run.
type shutdownReportJSON struct {
	shutdownJSON
	Observed *shutdown.Request `json:"observed,omitempty"` // the newest that was only recorded
	Steps    []shutdown.Step   `json:"steps"`              // in their order; waiting before a stop
	History  []actionJSON      `json:"history"`
}

// shutdown tells of the stop; nil without a manager.
func (h *Handler) shutdown() *shutdownJSON {
	if h.opts.Shutdown == nil {
		return nil
	}
	out := h.shutdownOf(h.opts.Shutdown.State(), h.opts.Evaluator.Actions())
	return &out
}

func (h *Handler) shutdownOf(s shutdown.State, events []evaluator.ActionEvent) shutdownJSON {
	out := shutdownJSON{State: s.Name, Since: instant(s.Since), Request: s.Request}
	if h.opts.ShutdownMode != nil {
		out.Mode = h.opts.ShutdownMode()
	}
	out.Deadline = laterOrNil(s.Deadline)
	for _, ev := range events {
		if ev.EndedAt.IsZero() && ev.Held != "" {
			out.HeldBack = append(out.HeldBack, newActionJSON(ev))
		}
	}
	return out
}

func newActionJSON(ev evaluator.ActionEvent) actionJSON {
	return actionJSON{
		Action: ev.Action, Check: ev.Check, Rule: ev.Rule, Summary: ev.Summary, HeldBack: ev.Held,
		ActiveAt: instant(ev.ActiveAt), FiredAt: instant(ev.FiredAt), EndedAt: laterOrNil(ev.EndedAt),
	}
}

func laterOrNil(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	return new(instant(t))
}

// serveShutdown renders on request: a stop moves on between evaluations.
func (h *Handler) serveShutdown(w http.ResponseWriter, r *http.Request) {
	s, events := h.opts.Shutdown.State(), h.opts.Evaluator.Actions()
	out := shutdownReportJSON{
		shutdownJSON: h.shutdownOf(s, events), Observed: s.Observed,
		Steps: append([]shutdown.Step{}, s.Steps...), History: make([]actionJSON, 0, len(events)),
	}
	for _, ev := range events {
		out.History = append(out.History, newActionJSON(ev))
	}
	writeJSON(w, r, http.StatusOK, encode(out))
}
