package verdict

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a message takes from elsewhere, in characters: an error or a summary, and a name.
const (
	maxClause = 300
	maxName   = 80
)

// Clause returns a foreign text as a part of a sentence: one line, bounded, without a period at its end.
func Clause(text string) string {
	return strings.TrimRight(shorten(OneLine(text), maxClause), ".;:, ")
}

// OneLine replaces line breaks and control characters, those of text direction included, by single spaces.
func OneLine(text string) string {
	return strings.Join(strings.FieldsFunc(strings.ToValidUTF8(text, "?"), func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
	}), " ")
}

// shorten cuts a text to so many characters.
func shorten(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return strings.TrimRight(string([]rune(text)[:most-1]), " ") + "…"
}

// ShortName returns a name as a part of a sentence.
func ShortName(name string) string { return shorten(OneLine(name), maxName) }

// about takes the name of the check off the beginning of a text about it.
func about(check, text string) string {
	for _, sep := range []string{" ", ": "} {
		if rest, ok := strings.CutPrefix(text, check+sep); ok {
			return rest
		}
	}
	return text
}

// Plural returns a count with its noun: "1 check", "2 checks".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
