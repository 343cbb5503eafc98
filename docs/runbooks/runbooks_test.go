package runbooks

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

// Every page of the directory is there, is well-formed, and each of its links leads to a page or out of the exporter.
func TestPages(t *testing.T) {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	all, err := Pages()
	if err != nil {
		t.Fatal(err)
	}
	if all[0].Name != "" || all[0].Title != "Runbooks" {
		t.Errorf("the first page is %q, %q, want the index", all[0].Name, all[0].Title)
	}
	names, ids := map[string]bool{}, map[string]bool{}
	for _, p := range all {
		names[p.Name] = true
		for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(string(p.Body), -1) {
			ids[p.Name+"#"+m[1]] = true
		}
	}
	for _, f := range files {
		if name, ok := strings.CutSuffix(f.Name(), ".md"); ok && name != index && !names[name] {
			t.Errorf("there is no page %s", name)
		}
	}
	for _, p := range all {
		if p.Name != "" && p.Title != p.Name {
			t.Errorf("%s has the title %q", p.Name, p.Title)
		}
		for _, m := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(string(p.Body), -1) {
			target, local := strings.CutPrefix(m[1], "../runbooks/")
			name, fragment, _ := strings.Cut(target, "#")
			switch {
			case strings.HasPrefix(m[1], "https://"), strings.HasPrefix(m[1], "#") && ids[p.Name+m[1]]:
			case !local || !names[name]:
				t.Errorf("%s links to %s, which is not served", p.Name, m[1])
			case fragment != "" && !ids[target]:
				t.Errorf("%s links to %s, and that page has no such heading", p.Name, m[1])
			}
		}
		if bad := regexp.MustCompile(`<script|<style|<[^>]* (style|on\w+)=|<!--`).FindString(string(p.Body)); bad != "" {
			t.Errorf("%s has %q, which is left out or forbidden", p.Name, bad)
		}
	}
}

func TestRender(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"page", "[A](A.md)", `<p><a href="../runbooks/A">A</a></p>`},
		{"fragment", "[A](A.md#fix)", `<p><a href="../runbooks/A#fix">A</a></p>`},
		{"index", "[all](README.md)", `<p><a href="../runbooks/">all</a></p>`},
		{"own heading", "[below](#fix)", `<p><a href="#fix">below</a></p>`},
		{"other site", "[x](https://example.net/a.md)", `<p><a href="https://example.net/a.md">x</a></p>`},
		{"page of docs, called by its name", "see [fleet.md](../fleet.md)", `<p>see docs/fleet.md</p>`},
		{"page of docs", "see the [*fleet* guard](../fleet.md#a)!", `<p>see the <em>fleet</em> guard (docs/fleet.md)!</p>`},
		{"directory", "[rules/](../../rules)", `<p>rules</p>`},
		{"missing page", "[B](B.md)", `<p>B (docs/runbooks/B.md)</p>`},
		{"scheme of a program", "[x](javascript:alert(1))", `<p>x (docs/runbooks/javascript:alert(1))</p>`},
		{"raw HTML", "a <script>alert(1)</script> b", `<p>a <!-- raw HTML omitted -->alert(1)<!-- raw HTML omitted --> b</p>`},
		{"table", "| a |\n|--:|\n| b |", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>"},
		{"heading", "## Fix it", `<h2 id="fix-it">Fix it</h2>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := pages(fstest.MapFS{"A.md": {Data: []byte(tt.in)}, "README.md": {Data: []byte("# All")}})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(string(all[1].Body)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
