package rules

// place is where a file stands in the evaluation order. Whoever reads a series must come after who writes it: own rules
// see what components record, the checks see every declared check, actions see the alerts, scores and status conclude.
type place int

const (
	placeComponent place = iota
	placeOwn
	placeDerived // checks that were derived from own alerts
	placeChecks
	placeActions
	placeScores
	placeStatus
)

// placeOf is the place of a shipped file, fixed for those that belong to no component.
func placeOf(stem string) (p place, fixed bool) {
	switch stem {
	case "checks":
		return placeChecks, true
	case "actions":
		return placeActions, true
	case "scores":
		return placeScores, true
	case "status":
		return placeStatus, true
	}
	return placeComponent, false
}
