package chorus

import (
	"context"
	"log/slog"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
)

// kitHandler is a slog.Handler made from a logger of go-kit, which it gives back.
type kitHandler struct {
	slog.Handler
	kit log.Logger
}

// SlogFromKit is a logger for Options.Logger from one of go-kit and its twin for log/slog: the packages below log with the
// first, as it is.
func SlogFromKit(kit log.Logger, twin *slog.Logger) *slog.Logger {
	return slog.New(kitHandler{twin.Handler(), kit})
}

// kitOf is the logger of go-kit for the packages below.
func kitOf(l *slog.Logger) log.Logger {
	if h, ok := l.Handler().(kitHandler); ok {
		return h.kit
	}
	return slogLogger{l}
}

// slogLogger writes the lines of go-kit's loggers to log/slog.
type slogLogger struct{ to *slog.Logger }

// Log implements log.Logger.
func (l slogLogger) Log(pairs ...any) error {
	at, msg := slog.LevelInfo, ""
	attrs := make([]slog.Attr, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		switch key, _ := pairs[i].(string); {
		case pairs[i] == level.Key():
			at = levelOf(pairs[i+1])
		case key == "msg":
			msg, _ = pairs[i+1].(string)
		default:
			attrs = append(attrs, slog.Any(key, pairs[i+1]))
		}
	}
	l.to.LogAttrs(context.Background(), at, msg, attrs...)
	return nil
}

// levelOf is the level of a go-kit value.
func levelOf(value any) slog.Level {
	switch value {
	case level.DebugValue():
		return slog.LevelDebug
	case level.WarnValue():
		return slog.LevelWarn
	case level.ErrorValue():
		return slog.LevelError
	}
	return slog.LevelInfo
}
