//go:build !race

package evaluator

// raceDetector says whether the race detector is built in, which makes code several times slower.
const raceDetector = false
