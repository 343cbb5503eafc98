package devnet

import "slices"

// degree is how many others a node dials.
const degree = 3

// neighbours are the positions, in a ring of n, that the one at position i dials: the next, and two more at a third and
// two thirds of the way round. The ring keeps every group in one piece, the far ones keep ways short.
func neighbours(n, i int) []int {
	var dials []int
	for k := 0; len(dials) < min(degree, n-1); k++ {
		// Small rings meet themselves: take the next free one then.
		at := (i + 1 + k%degree*n/degree + k/degree) % n
		if at != i && !slices.Contains(dials, at) {
			dials = append(dials, at)
		}
	}
	return dials
}
