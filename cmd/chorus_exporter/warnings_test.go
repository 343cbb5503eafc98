package main

import (
	"os"
	"strings"
	"testing"

	"github.com/go-kit/log"
)

// Too short a wait is not a fault, and hardly meant: --config.check and the log say so, with the key and what fixes it.
func TestWarnings(t *testing.T) {
	const wait = "5: p2p.pubsub.wait: 2s is shorter than the 3s that the mesh takes to form, so runs fail as warming_up " +
		"after every reconnect; write 3s or more"
	for _, tt := range []struct {
		name, config string
		want         []string
	}{
		{"the defaults", "", nil},
		{"long enough", "  pubsub: {wait: 3s}\nchecks: {pubsub-enhanced: {timeout: 4s}}\n", nil},
		{"short wait", "\n  pubsub: {wait: 2s}\nchecks: {pubsub-enhanced: {timeout: 3s}}\n", []string{wait}},
		{
			"short timeout", "checks: {pubsub-enhanced: {timeout: 3500ms}, pubsub-active: {timeout: 2s}}\n",
			[]string{"4: checks.pubsub-enhanced.timeout: 3s500ms less a second is shorter than the 3s that the mesh takes to " +
				"form, so runs fail as warming_up after every reconnect; write 4s or more"},
		},
		{"of a check that is off", "checks: {pubsub-enhanced: {enabled: false, timeout: 1s}}\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := prepare(write(t, "chorus.yml", lonely(nowhere)+tt.config), nil, log.NewNopLogger())
			if err != nil {
				t.Fatal(err)
			}
			got := p.config.warnings()
			if len(got) != len(tt.want) {
				t.Fatalf("warnings are %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.HasSuffix(got[i], "chorus.yml:"+want) {
					t.Errorf("the warning is %q, want chorus.yml:%s", got[i], want)
				}
			}
		})
	}

	file := write(t, "chorus.yml", lonely(nowhere)+"\n  pubsub: {wait: 2s}\n")
	if out, code := once(t, "--config.check", "--config.file="+file); code != exitOK ||
		!strings.HasPrefix(out, "warning: ") || !strings.Contains(out, "chorus.yml:"+wait+"\n") {
		t.Errorf("--config.check = %d %s, want 0 and a warning", code, out)
	}
	c := start(t, "--config.file="+write(t, "chorus.yml", lonely(nowhere)))
	if strings.Contains(c.log.String(), "Configuration warning") {
		t.Error("the log warns of the defaults")
	}
	c = start(t, "--config.file="+file)
	c.eventually("the log warns", func() bool {
		return strings.Contains(c.log.String(), `level=warn msg="Configuration warning" err="`+file[:1]) &&
			strings.Contains(c.log.String(), "chorus.yml:"+wait)
	})
	logged := len(c.log.String())
	c.reloadWith(file, lonely(nowhere)+"\n  pubsub: {wait: 2s, mode: relayed}\n")
	c.eventually("the log warns again", func() bool { return strings.Contains(c.log.String()[logged:], "chorus.yml:"+wait) })
}

// A file that decides the verdict in place of a shipped one is meant, and said.
func TestReplacedVerdictIsSaid(t *testing.T) {
	dir := t.TempDir()
	for name, verdict := range map[string]bool{"status.rules.yml": true, "resources.rules.yml": false} {
		text, err := os.ReadFile("../../rules/" + name)
		noError(t, err)
		noError(t, os.WriteFile(dir+"/"+name, text, 0o600))
		noError(t, os.WriteFile(dir+"/chorus.yml", []byte("rule_files: ["+name+"]\n"), 0o600))
		out, code := once(t, "--config.check", "--config.strict", "--config.file="+dir+"/chorus.yml")
		said := strings.Contains(out, "note: "+dir+"/"+name+": takes the place of the shipped "+name+", so it decides the verdict")
		if code != exitOK || said != verdict {
			t.Errorf("%s: code %d, %s", name, code, out)
		}
	}
}
