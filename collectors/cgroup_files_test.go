package collectors

import (
	"math"
	"testing"
)

func TestParse(t *testing.T) {
	inf := math.Inf(1)
	key := parseKey("inactive_file")
	for name, tt := range map[string]struct {
		parse   func(string) (float64, error)
		text    string
		want    float64
		wantErr string
	}{
		"number":                 {parse: parseNumber, text: "4096\n", want: 4096},
		"number, the largest":    {parse: parseNumber, text: "18446744073709551615", want: math.MaxUint64},
		"number, empty":          {parse: parseNumber, text: "", wantErr: `"" is not a whole number`},
		"number, negative":       {parse: parseNumber, text: "-5", wantErr: `"-5" is not a whole number`},
		"number, a fraction":     {parse: parseNumber, text: "1.5", wantErr: `"1.5" is not a whole number`},
		"max":                    {parse: parseMax, text: "max\n", want: inf},
		"max, -1":                {parse: parseMax, text: "-1\n", want: inf},
		"max, a number":          {parse: parseMax, text: "1048576\n", want: 1 << 20},
		"max, rubbish":           {parse: parseMax, text: "maximum", wantErr: `"maximum" is not a whole number`},
		"bandwidth":              {parse: parseBandwidth, text: "150000 100000\n", want: 1.5},
		"bandwidth, none":        {parse: parseBandwidth, text: "max 100000\n", want: inf},
		"bandwidth, none in v1":  {parse: parseBandwidth, text: "-1 100000\n", want: inf},
		"bandwidth, one word":    {parse: parseBandwidth, text: "100000", wantErr: "is not a quota and a period"},
		"bandwidth, three words": {parse: parseBandwidth, text: "1 2 3", wantErr: "is not a quota and a period"},
		"bandwidth, zero period": {parse: parseBandwidth, text: "5 0", wantErr: "has a zero"},
		"bandwidth, zero quota":  {parse: parseBandwidth, text: "0 5", wantErr: "has a zero"},
		"bandwidth, rubbish":     {parse: parseBandwidth, text: "x 5", wantErr: `"x" is not a whole number`},
		"bandwidth, rubbish 2":   {parse: parseBandwidth, text: "5 x", wantErr: `"x" is not a whole number`},
		"key":                    {parse: key, text: "file 9\ninactive_file 7\nx 1\n", want: 7},
		"key, no line break":     {parse: key, text: "inactive_file 7", want: 7},
		"key, a longer name":     {parse: key, text: "inactive_file_x 7\n", wantErr: "there is no inactive_file"},
		"key, a total":           {parse: key, text: "total_inactive_file 7\n", wantErr: "there is no inactive_file"},
		"key, no value":          {parse: key, text: "inactive_file\n", wantErr: "there is no inactive_file"},
		"key, rubbish":           {parse: key, text: "inactive_file x\n", wantErr: `"x" is not a whole number`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.parse(tt.text)
			if !matches(err, tt.wantErr) {
				t.Fatalf("error %v, want %q", err, tt.wantErr)
			}
			if err == nil && got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// FuzzParse: whatever a file holds, a value without an error is one to compute with.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"", "max", "max 100000\n", "50000 100000", "-1\n", "inactive_file 7\n", "1 0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, parse := range map[string]func(string) (float64, error){
			"number": parseNumber, "max": parseMax, "bandwidth": parseBandwidth, "key": parseKey("usage_usec"),
		} {
			got, err := parse(text)
			if err == nil && !(got >= 0) {
				t.Errorf("%s of %q is %v", name, text, got)
			}
			if name == "bandwidth" && err == nil && got == 0 {
				t.Errorf("bandwidth of %q is 0: a division by zero", text)
			}
		}
	})
}
