package conformance

import (
	be "encoding/binary"
	"testing"
)

// emptyDatabase is the file of a SQLite database without tables: one page, with the header of the file and a leaf without
// cells (https://www.sqlite.org/fileformat.html).
func emptyDatabase() string {
	const size = 4096
	page := make([]byte, size)
	copy(page, "SQLite format 3\x00")
	be.BigEndian.PutUint16(page[16:], size)
	copy(page[18:], []byte{1, 1, 0, 64, 32, 32}) // versions to write and read, reserved space, payload fractions
	be.BigEndian.PutUint32(page[24:], 1)         // change counter
	be.BigEndian.PutUint32(page[28:], 1)         // pages
	be.BigEndian.PutUint32(page[44:], 4)         // schema format
	be.BigEndian.PutUint32(page[56:], 1)         // UTF-8
	be.BigEndian.PutUint32(page[92:], 1)         // change counter that the version is valid for
	be.BigEndian.PutUint32(page[96:], 3045000)   // version of SQLite
	page[100] = 13                               // leaf of a table
	be.BigEndian.PutUint16(page[105:], size)     // where the cells begin
	return string(page)
}

func TestEmptyDatabase(t *testing.T) {
	if got := len(emptyDatabase()); got != 4096 {
		t.Errorf("%d bytes, want one page", got)
	}
}
