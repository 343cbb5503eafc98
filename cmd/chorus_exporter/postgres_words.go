package main

import (
	"errors"
	"regexp"
	"strings"
)

var errPostgresWords = errors.New("not a PostgreSQL connection string; write " + postgresForms +
	", with a value that has spaces in single quotes")

// postgresKey is a key of the form key=value.
var postgresKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

const postgresSpace = " \t\n\r\v\f"

// parsePostgresWords parses the form key=value key='value'.
func parsePostgresWords(rest string) (postgresDSN, error) {
	var d postgresDSN
	for rest = strings.TrimLeft(rest, postgresSpace); rest != ""; {
		key, after, ok := strings.Cut(rest, "=")
		key = strings.TrimRight(key, postgresSpace)
		if !ok || !postgresKey.MatchString(key) {
			return d, errPostgresWords
		}
		value, after, ok := postgresValue(strings.TrimLeft(after, postgresSpace))
		if !ok {
			return d, errors.New("a quote is not closed, or text follows a closing quote; write ' inside a quoted value as \\'")
		}
		if err := d.add(key, value); err != nil {
			return d, err
		}
		rest = strings.TrimLeft(after, postgresSpace)
	}
	return d, nil
}

// postgresValue cuts the value off the beginning of text. A backslash protects the next character.
func postgresValue(text string) (value, rest string, ok bool) {
	quoted := strings.HasPrefix(text, "'")
	if quoted {
		text = text[1:]
	}
	var b strings.Builder
	i := 0
	for ; i < len(text); i++ {
		c := text[i]
		if quoted && c == '\'' || !quoted && strings.IndexByte(postgresSpace, c) >= 0 {
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
	if i == len(text) || i+1 < len(text) && strings.IndexByte(postgresSpace, text[i+1]) < 0 {
		return "", "", false
	}
	return b.String(), text[i+1:], true
}
