package postgres

import (
	"errors"
	"regexp"
	"strings"
)

var errWords = errors.New("not a PostgreSQL connection string; write " + forms +
	", with a value that has spaces in single quotes")

// keyForm is a key of the form key=value.
var keyForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

const spaces = " \t\n\r\v\f"

// parseWords parses the form key=value key='value'.
func parseWords(rest string) (parsedDSN, error) {
	var d parsedDSN
	for rest = strings.TrimLeft(rest, spaces); rest != ""; {
		key, after, ok := strings.Cut(rest, "=")
		key = strings.TrimRight(key, spaces)
		if !ok || !keyForm.MatchString(key) {
			return d, errWords
		}
		value, after, ok := cutValue(strings.TrimLeft(after, spaces))
		if !ok {
			return d, errors.New("a quote is not closed, or text follows a closing quote; write ' inside a quoted value as \\'")
		}
		if err := d.add(key, value); err != nil {
			return d, err
		}
		rest = strings.TrimLeft(after, spaces)
	}
	return d, nil
}

// cutValue cuts the value off the beginning of text. A backslash protects the next character.
func cutValue(text string) (value, rest string, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		if quoted && c == '\'' || !quoted && strings.IndexByte(spaces, c) >= 0 {
			break
		}
		if c == '\\' {
			if i++; i == len(text) {
				return "", "", false
			}
			c = text[i]
		}
		b.WriteByte(c)
	}
	if !quoted {
		return b.String(), text[i:], true
	}
	if i == len(text) || i+1 < len(text) && strings.IndexByte(spaces, text[i+1]) < 0 {
		return "", "", false
	}
	return b.String(), text[i+1:], true
}
