package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"chorus/probes"
)

func TestReason(t *testing.T) {
	for code, want := range map[string]probes.Reason{
		"57P01": probes.ReasonRefused, "57P03": probes.ReasonRefused, "53300": probes.ReasonRefused,
		"08006": probes.ReasonRefused, "28P01": probes.ReasonRefused, "57014": probes.ReasonTimeout,
		"55P03": probes.ReasonTimeout, "XX001": probes.ReasonIntegrity, "XX000": probes.ReasonError,
		"42P01": probes.ReasonError, "": "",
	} {
		err := fmt.Errorf("run query: %w", &pgconn.PgError{Code: code})
		if got := reason(err); got != want {
			t.Errorf("SQLSTATE %q is %q, want %q", code, got, want)
		}
	}
	if got := reason(context.DeadlineExceeded); got != "" {
		t.Errorf("an error that is not PostgreSQL's is %q, want it left open", got)
	}
}
