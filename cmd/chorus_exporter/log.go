package main

import (
	"io"
	"log/slog"
	"time"

	"github.com/go-kit/log"
	"github.com/go-kit/log/level"
	"github.com/prometheus/common/promslog"
	sloggokit "github.com/tjhop/slog-gokit"
)

// timeFormat of log lines: UTC with milliseconds.
const timeFormat = "2006-01-02T15:04:05.000Z07:00"

// loggers are the process logger and its twin for libraries that want log/slog. Both write the same lines.
type loggers struct {
	log.Logger
	slog *slog.Logger
}

// newLoggers writes to w as the flags --log.level and --log.format say.
func newLoggers(w io.Writer, config *promslog.Config) loggers {
	w = log.NewSyncWriter(w)
	base := log.NewLogfmtLogger(w)
	if config.Format.String() == "json" {
		base = log.NewJSONLogger(w)
	}
	// The filter comes last, outermost: what it drops then costs nearly nothing. It is one frame more for Caller.
	kit := log.With(base, "ts", log.TimestampFormat(utc, timeFormat), "caller", log.Caller(5))
	return loggers{
		Logger: level.NewFilter(kit, allowed(config.Level)),
		slog:   slog.New(sloggokit.NewGoKitHandler(fromSlog(base), config.Level)),
	}
}

func utc() time.Time { return time.Now().UTC() }

func allowed(l *promslog.Level) level.Option {
	switch l.Level() {
	case slog.LevelDebug:
		return level.AllowDebug()
	case slog.LevelWarn:
		return level.AllowWarn()
	case slog.LevelError:
		return level.AllowError()
	default:
		return level.AllowInfo()
	}
}

// fromSlog brings the records of the slog handler into the form of all other lines: ts and caller come first, the time
// is called ts, and values keep their types.
func fromSlog(next log.Logger) log.Logger {
	return log.LoggerFunc(func(pairs ...any) error {
		head := []any{"ts", utc().Format(timeFormat)}
		var tail []any
		for i := 0; i+1 < len(pairs); i += 2 {
			key, value := pairs[i], pairs[i+1]
			if v, ok := value.(slog.Value); ok {
				value = v.Any()
			}
			switch key {
			case slog.TimeKey:
				if t, ok := value.(time.Time); ok {
					head[1] = t.UTC().Format(timeFormat)
				}
			case "caller":
				head = append(head, key, value)
			default:
				tail = append(tail, key, value)
			}
		}
		return next.Log(append(head, tail...)...)
	})
}
