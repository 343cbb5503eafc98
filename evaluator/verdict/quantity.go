package verdict

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/helpers/templates"
	"github.com/prometheus/common/model"
)

// quantity is a number with its unit, as people write it: 93%, 1m 30s, 1.5 GiB, 1 peer, no peers.
func quantity(v float64, unit string) string {
	switch unit {
	case "":
		return figure(v)
	case "ratio":
		return figure(v*100) + "%"
	case "seconds":
		if text, err := templates.HumanizeDuration(v); err == nil {
			return text
		}
	case "bytes":
		return bytesText(v)
	}
	switch v {
	case 0:
		return "no " + unit
	case 1:
		return "1 " + singular(unit)
	}
	return figure(v) + " " + unit
}

// figure is a number with four significant digits; a whole one has all of its digits.
func figure(v float64) string { return digits(v, 4) }

// digits is a number with so many significant digits, -1 for all; a whole one has all of its digits.
func digits(v float64, n int) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', n, 64)
}

func bytesText(v float64) string {
	prefixes := []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}
	i := 0
	for ; math.Abs(v) >= 1024 && i < len(prefixes)-1; i++ {
		v /= 1024
	}
	return figure(v) + " " + prefixes[i] + "B"
}

func singular(unit string) string {
	if stem, ok := strings.CutSuffix(unit, "ies"); ok {
		return stem + "y"
	}
	return strings.TrimSuffix(unit, "s")
}

var figures = regexp.MustCompile(`\d+(?:\.\d+)?`)

// mentions reports whether a text for people already shows the number, in whatever form and rounding.
func mentions(text string, v float64, unit string) bool {
	if strings.Contains(text, quantity(v, unit)) || v == 0 && strings.Contains(" "+strings.ToLower(text), " no ") {
		return true
	}
	for _, f := range figures.FindAllString(text, -1) {
		_, fraction, _ := strings.Cut(f, ".")
		for _, as := range []float64{v, 100 * v} {
			if strconv.FormatFloat(math.Abs(as), 'f', len(fraction), 64) == f {
				return true
			}
		}
	}
	return false
}

// against is the part of a sentence that names value and limit, as far as text does not; "" if there is nothing to add.
func (a *Alert) against(text string) string {
	if a.Limit == nil {
		return ""
	}
	word := map[string]string{">": "limit", ">=": "limit", "<": "minimum", "<=": "minimum"}[a.Op]
	if word == "" || mentions(text, *a.Limit, a.Unit) && mentions(text, a.Value, a.Unit) {
		return ""
	}
	limit := word + " " + strings.Replace(quantity(*a.Limit, a.Unit), "no ", "0 ", 1) // "limit no peers" is no limit
	switch {
	case mentions(text, a.Value, a.Unit):
		return limit
	case mentions(text, *a.Limit, a.Unit):
		return quantity(a.Value, a.Unit)
	}
	return quantity(a.Value, a.Unit) + ", " + limit
}

// Clears returns what ends an alert that compares its value with limit by op, and that is kept firing for keep; "" if that
// can't be said in a few words.
func Clears(limit *float64, op, unit string, keep time.Duration) string {
	condition := ""
	if limit != nil {
		text := digits(*limit, -1)
		if unit == "ratio" {
			unit = ""
		}
		if unit != "" && *limit == 1 {
			unit = singular(unit)
		}
		if unit != "" {
			text += " " + unit
		}
		condition = map[string]string{
			">": "%s or less", ">=": "less than %s", "<": "%s or more", "<=": "more than %s", "==": "not %s", "!=": "%s",
		}[op]
		if condition != "" {
			condition = fmt.Sprintf(condition, text)
		}
	}
	switch {
	case condition == "" && keep > 0:
		return "ends when its condition has not held for " + model.Duration(keep).String()
	case condition == "":
		return ""
	case keep > 0:
		return "ends when the value has been " + condition + " for " + model.Duration(keep).String()
	}
	return "ends when the value is " + condition
}
