package main

import (
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What a scrape of a real exporter weighs, for docs/scaling.md: go test -v -run TestSwarmScrapeSize ./cmd/chorus_exporter.
// The numbers in the page may be off by a tenth, then the page has to follow.
func TestSwarmScrapeSize(t *testing.T) {
	nodes := startSwarm(t, clusterOptions{nodes: 5})
	// As devnet writes it for `make run`.
	swarm := "p2p:\n  min_peers: 3\n  targets: [\"" + strings.Join(nodes.Targets(), `", "`) + "\"]\nelection: {}\n"
	minimal, err := os.ReadFile("../../examples/minimal.yml")
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]string{"minimal": string(minimal), "cluster": swarm} {
		t.Run(name, func(t *testing.T) {
			c := start(t, "--config.file="+write(t, "chorus.yml", config))
			c.eventually("every check has passed", func() bool {
				_, h := c.health("/health")
				return h.Status == "healthy" && len(passed.FindAllString(c.body("/metrics"), -1)) == len(h.Checks)
			})
			got := c.scrapeSize()
			t.Logf("%s: %d series, %d bytes, %d bytes with gzip", name, got.series, got.bytes, got.zipped)
			want := documentedSize(t, name)
			for i, pair := range [][2]int{{got.series, want.series}, {got.bytes, want.bytes}, {got.zipped, want.zipped}} {
				if off := math.Abs(float64(pair[0]-pair[1])) / float64(pair[1]); off > 0.1 {
					t.Errorf("%s is %d, docs/scaling.md says %d", []string{"series", "bytes", "gzip"}[i], pair[0], pair[1])
				}
			}
		})
	}
}

var passed = regexp.MustCompile(`(?m)^chorus_health_checks_passed_total\S+ [1-9]`)

type scrapeSize struct{ series, bytes, zipped int }

// body is that of a path.
func (c *child) body(path string) string {
	_, body := c.get(path)
	return body
}

// scrapeSize counts /metrics, as text and compressed.
func (c *child) scrapeSize() scrapeSize {
	c.t.Helper()
	var size scrapeSize
	body := c.body("/metrics")
	size.bytes = len(body)
	for line := range strings.Lines(body) {
		if !strings.HasPrefix(line, "#") {
			size.series++
		}
	}
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.url+"/metrics", http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept-Encoding", "gzip") // asked for by us, so the client does not unpack it
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	zipped, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil {
		c.t.Fatal(err)
	}
	if encoding := answer.Header.Get("Content-Encoding"); encoding != "gzip" {
		c.t.Fatalf("Content-Encoding is %q, want gzip", encoding)
	}
	size.zipped = len(zipped)
	return size
}

// documentedSize reads the row of the table in docs/scaling.md: name, series, bytes, bytes with gzip.
func documentedSize(t *testing.T, name string) scrapeSize {
	t.Helper()
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s[^|]*\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|`, name)).FindSubmatch(page)
	if row == nil {
		t.Fatalf("docs/scaling.md has no row of %s", name)
	}
	var n [3]int
	for i := range n {
		if n[i], err = strconv.Atoi(strings.ReplaceAll(string(row[i+1]), ",", "")); err != nil {
			t.Fatal(err)
		}
	}
	return scrapeSize{n[0], n[1], n[2]}
}
