package engine

import (
	"context"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/timestamp"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// templateVariables are the names Prometheus gives to templates of alerts.
const templateVariables = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}" +
	"{{$externalURL := .ExternalURL}}{{$value := .Value}}"

// expander expands the templates of labels and annotations for one sample at one time.
type expander struct {
	ctx   context.Context
	name  string // shown in errors
	data  any
	at    model.Time
	query template.QueryFunc
}

// newExpander prepares the expansion of templates for a sample; query serves the template function of that name.
func newExpander(ctx context.Context, name string, s promql.Sample, t time.Time, query template.QueryFunc) *expander {
	return &expander{
		ctx: ctx, name: "__alert_" + name, at: model.Time(timestamp.FromTime(t)), query: query,
		data: template.AlertTemplateData(s.Metric.Map(), nil, "", s),
	}
}

// expand returns the text with its templates expanded. Plain text costs nothing.
func (e *expander) expand(text string) (string, error) {
	if !hasTemplate(text) {
		return text, nil
	}
	return template.NewTemplateExpander(e.ctx, templateVariables+text, e.name, e.data, e.at, e.query, &url.URL{}, nil).Expand()
}

// annotation expands a text for people: an error stands in its place, as in Prometheus, instead of failing the rule.
func (e *expander) annotation(text string) string {
	out, err := e.expand(text)
	if err != nil {
		return "<error expanding template: " + err.Error() + ">"
	}
	return out
}

func hasTemplate(text string) bool {
	for i := 1; i < len(text); i++ {
		if text[i] == '{' && text[i-1] == '{' {
			return true
		}
	}
	return false
}
